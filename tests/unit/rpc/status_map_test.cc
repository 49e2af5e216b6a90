#include "common/rpc/status_map.h"

#include <string>

#include "common/base/status.h"
#include "common/rpc/danish.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"

namespace medflyt::rpc {
namespace {

using ::testing::HasSubstr;

absl::Status OverCapacity() {
  return RuleError(absl::StatusCode::kFailedPrecondition, "OVER_CAPACITY", "agreement", "the agreement has 15 places");
}

google::rpc::Status DetailsOf(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  return details;
}

template <typename Message>
std::optional<Message> Detail(const google::rpc::Status& details) {
  for (const auto& any : details.details()) {
    Message message;
    if (any.UnpackTo(&message)) return message;
  }
  return std::nullopt;
}

grpc::Status WithDetails(grpc::StatusCode code, const google::rpc::Status& details) {
  return {code, "message", details.SerializeAsString()};
}

TEST(StatusMapTest, OkIsOk) {
  EXPECT_TRUE(ToGrpc(absl::OkStatus()).ok());
  EXPECT_TRUE(FromGrpc(grpc::Status::OK).ok());
  EXPECT_EQ(DanishTextOf(absl::OkStatus()), "");
}

TEST(StatusMapTest, ACallerIsToldRuleFieldAndSentence) {
  const grpc::Status status = ToGrpc(OverCapacity());
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(status.error_message(), "the agreement has 15 places");
  const auto details = DetailsOf(status);
  EXPECT_EQ(details.code(), 9);
  EXPECT_EQ(details.message(), status.error_message());
  const auto info = Detail<google::rpc::ErrorInfo>(details);
  ASSERT_TRUE(info);
  EXPECT_EQ(info->reason(), "OVER_CAPACITY");
  EXPECT_EQ(info->domain(), "medflyt");
  EXPECT_EQ(info->metadata().at("field"), "agreement");
  const auto bad = Detail<google::rpc::BadRequest>(details);
  ASSERT_TRUE(bad);
  ASSERT_EQ(bad->field_violations_size(), 1);
  EXPECT_EQ(bad->field_violations(0).field(), "agreement");
  EXPECT_EQ(bad->field_violations(0).description(), status.error_message());
  const auto danish = Detail<google::rpc::LocalizedMessage>(details);
  ASSERT_TRUE(danish);
  EXPECT_EQ(danish->locale(), "da");
  EXPECT_EQ(danish->message(), DanishSentence("OVER_CAPACITY"));
  EXPECT_FALSE(Detail<google::rpc::RetryInfo>(details));
}

TEST(StatusMapTest, WhatIsSentComesBack) {
  const absl::Status back = FromGrpc(ToGrpc(OverCapacity()));
  EXPECT_EQ(back.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(back.message(), OverCapacity().message());
  EXPECT_EQ(BrokenRuleOf(back), (BrokenRule{"OVER_CAPACITY", "agreement"}));
  EXPECT_EQ(DanishTextOf(back), DanishSentence("OVER_CAPACITY"));
  EXPECT_EQ(RetryAfterOf(back), std::nullopt);
  // And on through the next node, unchanged.
  EXPECT_EQ(ToGrpc(back).error_details().size(), ToGrpc(OverCapacity()).error_details().size());
}

TEST(StatusMapTest, EveryCodeIsItself) {
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), "x");
    EXPECT_EQ(static_cast<int>(ToGrpc(status).error_code()), code);
    EXPECT_EQ(FromGrpc(ToGrpc(status)).code(), status.code());
    EXPECT_NE(DanishTextOf(status), "");
    EXPECT_EQ(BrokenRuleOf(FromGrpc(ToGrpc(status))), std::nullopt);
  }
  EXPECT_EQ(FromGrpc(grpc::Status(grpc::StatusCode::DO_NOT_USE, "x")).code(), absl::StatusCode::kUnknown);
}

TEST(StatusMapTest, NoFieldNoViolation) {
  const auto details = DetailsOf(ToGrpc(RuleError(absl::StatusCode::kAborted, "STORE_FENCED", "", "m")));
  EXPECT_TRUE(Detail<google::rpc::ErrorInfo>(details)->metadata().empty());
  EXPECT_FALSE(Detail<google::rpc::BadRequest>(details));
}

TEST(StatusMapTest, AFullQueueSaysWhenToTryAgain) {
  const absl::Status plain = absl::ResourceExhaustedError("full");
  const auto info = Detail<google::rpc::RetryInfo>(DetailsOf(ToGrpc(plain)));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->retry_delay().seconds(), 0);
  EXPECT_EQ(info->retry_delay().nanos(), 100'000'000);
  const absl::Status hinted = WithRetryAfter(absl::UnavailableError("later"), absl::Milliseconds(2500));
  const auto hinted_info = Detail<google::rpc::RetryInfo>(DetailsOf(ToGrpc(hinted)));
  EXPECT_EQ(hinted_info->retry_delay().seconds(), 2);
  EXPECT_EQ(hinted_info->retry_delay().nanos(), 500'000'000);
  EXPECT_EQ(RetryAfterOf(FromGrpc(ToGrpc(hinted))), absl::Milliseconds(2500));
  EXPECT_EQ(RetryAfterOf(WithRetryAfter(plain, absl::InfiniteDuration())), absl::Hours(24));
  EXPECT_EQ(RetryAfterOf(WithRetryAfter(plain, -absl::Seconds(1))), absl::ZeroDuration());
}

TEST(StatusMapTest, DetailsStaySmallWhateverIsInThem) {
  for (const char* piece : {"a", "æ", "€", "𐍈", "\xFF", "\n"}) {
    std::string long_text;
    while (long_text.size() < 100'000) long_text += piece;
    const grpc::Status status = ToGrpc(WithRetryAfter(
        RuleError(absl::StatusCode::kResourceExhausted, "OVER_CAPACITY", long_text, long_text), absl::Seconds(1)));
    EXPECT_LE(status.error_details().size(), kMaxDetailBytes);
    EXPECT_LE(status.error_message().size(), kMaxStatusMessageBytes);
    const absl::Status back = FromGrpc(status);
    EXPECT_EQ(BrokenRuleOf(back)->rule, "OVER_CAPACITY");
    EXPECT_EQ(RetryAfterOf(back), absl::Seconds(1));
  }
}

TEST(StatusMapTest, TextIsCutAndCleanedAtCharacters) {
  const auto message = [](std::string text) { return ToGrpc(absl::InternalError(text)).error_message(); };
  EXPECT_EQ(message("Ærø 𐍈 €"), "Ærø 𐍈 €");
  EXPECT_EQ(message("a\nb\x7F\x01"), "a?b??");
  EXPECT_EQ(message("\xC0\xAF"), "??");            // overlong
  EXPECT_EQ(message("\xED\xA0\x80"), "???");       // surrogate
  EXPECT_EQ(message("\xF4\x90\x80\x80"), "????");  // beyond U+10FFFF
  EXPECT_EQ(message("x\xE2\x82"), "x??");          // cut
  EXPECT_EQ(message(std::string(511, 'a') + "æ"), std::string(511, 'a'));
  EXPECT_EQ(message(std::string(510, 'a') + "æ"), std::string(510, 'a') + "æ");
}

TEST(StatusMapTest, ANameThatIsNoRuleIsNotSent) {
  for (const char* rule : {"", "lower", "WITH SPACE", "9LIVES", "ÆRØ"}) {
    EXPECT_EQ(ToGrpc(RuleError(absl::StatusCode::kInternal, rule, "f", "m")).error_details(), "") << rule;
  }
  EXPECT_EQ(ToGrpc(RuleError(absl::StatusCode::kInternal, std::string(64, 'A'), "f", "m")).error_details(), "");
}

TEST(StatusMapTest, ForeignDetailsAreNotBelieved) {
  google::rpc::ErrorInfo info;
  info.set_reason("OVER_CAPACITY");
  info.set_domain("example.com");
  google::rpc::Status details;
  details.add_details()->PackFrom(info);
  EXPECT_EQ(BrokenRuleOf(FromGrpc(WithDetails(grpc::StatusCode::ABORTED, details))), std::nullopt);
  info.set_domain("medflyt");
  info.set_reason("bad name\n");
  details.mutable_details(0)->PackFrom(info);
  EXPECT_EQ(BrokenRuleOf(FromGrpc(WithDetails(grpc::StatusCode::ABORTED, details))), std::nullopt);

  // Larger than what we would send.
  info.set_reason("OVER_CAPACITY");
  (*info.mutable_metadata())["padding"] = std::string(kMaxDetailBytes, 'x');
  details.mutable_details(0)->PackFrom(info);
  EXPECT_EQ(BrokenRuleOf(FromGrpc(WithDetails(grpc::StatusCode::ABORTED, details))), std::nullopt);

  // No protobuf.
  const absl::Status junk = FromGrpc(grpc::Status(grpc::StatusCode::ABORTED, "m", "\xFF\xFF\xFF"));
  EXPECT_EQ(junk.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(BrokenRuleOf(junk), std::nullopt);

  // A known type with broken bytes inside.
  google::rpc::Status broken;
  broken.add_details()->set_type_url("type.googleapis.com/google.rpc.ErrorInfo");
  broken.mutable_details(0)->set_value("\xFF\xFF");
  EXPECT_EQ(BrokenRuleOf(FromGrpc(WithDetails(grpc::StatusCode::ABORTED, broken))), std::nullopt);

  // A delay out of range.
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(INT64_MAX);
  google::rpc::Status delayed;
  delayed.add_details()->PackFrom(retry);
  EXPECT_EQ(RetryAfterOf(FromGrpc(WithDetails(grpc::StatusCode::UNAVAILABLE, delayed))), absl::Hours(24));
}

TEST(StatusMapTest, ARuleUnknownHereKeepsTheSendersSentence) {
  google::rpc::ErrorInfo info;
  info.set_reason("RULE_OF_A_NEWER_VERSION");
  info.set_domain("medflyt");
  google::rpc::LocalizedMessage danish;
  danish.set_locale("da");
  danish.set_message("En sætning fra en nyere version.");
  google::rpc::LocalizedMessage german;
  german.set_locale("de");
  german.set_message("Ein Satz.");
  google::rpc::Status details;
  details.add_details()->PackFrom(info);
  details.add_details()->PackFrom(danish);
  details.add_details()->PackFrom(german);
  const absl::Status status = FromGrpc(WithDetails(grpc::StatusCode::ABORTED, details));
  EXPECT_EQ(DanishTextOf(status), "En sætning fra en nyere version.");
  EXPECT_EQ(BrokenRuleOf(status)->rule, "RULE_OF_A_NEWER_VERSION");
  // Without one: a sentence of the code.
  EXPECT_THAT(DanishTextOf(RuleError(absl::StatusCode::kUnavailable, "NOT_IN_THE_TABLE", "", "m")), HasSubstr("Prøv"));
}

}  // namespace
}  // namespace medflyt::rpc
