#include "client/cli/front_end.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "client/cli/input.h"
#include "common/base/status.h"
#include "tests/unit/cli/program.h"

namespace medflyt::cli {
namespace {

using ::medflyt::cli::testing::Program;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class FrontEndTest : public ::testing::Test {
 protected:
  void SetUp() override {
    program.commands.AddNoun("thing", "things");
    program.commands.Add(
        {.noun = "thing",
         .verb = "make",
         .summary = "make a thing",
         .description = "",
         .options =
             {{.name = "--size", .value_name = "N", .help = "its size", .kind = ValueKind::kInteger, .required = true},
              {.name = "--day", .value_name = "DATE", .help = "its day", .kind = ValueKind::kDate},
              {.name = "--case", .value_name = "ID", .help = "its case", .kind = ValueKind::kId},
              {.name = "--form",
               .value_name = "FORM",
               .help = "its form",
               .default_value = "round",
               .choices = {"round", "square"}},
              {.name = "--label", .value_name = "TEXT", .help = "labels", .repeated = true},
              {.name = "--fast", .value_name = "", .help = "at once", .kind = ValueKind::kFlag}},
         .positionals = {{.name = "NAME", .help = "its name"},
                         {.name = "PLACE", .help = "its place", .required = false}},
         .run = [this](Context& context, const Arguments& arguments) {
           seen = {arguments.Text("NAME"),
                   arguments.Text("PLACE"),
                   std::to_string(arguments.Integer("--size")),
                   arguments.Text("--form"),
                   arguments.Has("--fast") ? "fast" : "slow",
                   context.json() ? "json" : "text"};
           labels = arguments.All("--label");
           day = arguments.FindDate("--day");
           return result;
         }});
    program.commands.Add({.noun = "thing",
                          .verb = "connect",
                          .summary = "connect",
                          .description = "",
                          .run = [this](Context& context, const Arguments&) {
                            settings = context.Settings();
                            MEDFLYT_RETURN_IF_ERROR(settings.status());
                            return context.Client().status();
                          }});
    program.commands.Add({.noun = "thing",
                          .verb = "person",
                          .summary = "read a CPR number",
                          .description = "",
                          .options = {CprOption()},
                          .run = [this](Context& context, const Arguments& arguments) -> absl::Status {
                            MEDFLYT_ASSIGN_OR_RETURN(const auto number, ReadCprNumber(context, arguments));
                            seen = {std::string(number.ExposeDigits())};
                            return absl::OkStatus();
                          }});
  }

  ExitCode Make(std::vector<std::string> more) {
    more.insert(more.begin(), {"thing", "make", "--size", "3"});
    return program.Run(more);
  }

  Program program;
  std::vector<std::string> seen;
  std::vector<std::string> labels;
  std::optional<Date> day;
  absl::Status result;
  absl::StatusOr<ConnectionSettings> settings = absl::UnknownError("not asked");
};

TEST_F(FrontEndTest, GivesTheCommandItsValues) {
  ASSERT_EQ(program.Run({"thing", "make", "--size", "-3", "--day=2026-11-21", "--fast", "--label", "a", "ball",
                         "--label", "b", "box", "--json"}),
            ExitCode::kOk)
      << program.err;
  EXPECT_THAT(seen, ElementsAre("ball", "box", "-3", "round", "fast", "json"));
  EXPECT_THAT(labels, ElementsAre("a", "b"));
  EXPECT_EQ(day, Date(2026, 11, 21));
  EXPECT_EQ(program.err, "");
}

TEST_F(FrontEndTest, OptionsOfEveryCommandMayStandAnywhere) {
  for (const std::vector<std::string>& args :
       {std::vector<std::string>{"--json", "--officer", "o1", "thing", "make", "--size", "1", "x"},
        {"thing", "--officer=o1", "--json", "make", "x", "--size", "1"},
        {"thing", "make", "--size", "1", "--officer", "o1", "x", "--json"}}) {
    ASSERT_EQ(program.Run(args), ExitCode::kOk) << program.err;
    EXPECT_THAT(seen, ElementsAre("x", "", "1", "round", "slow", "json"));
  }
}

TEST_F(FrontEndTest, ValuesNamedLikeCommandsStayValues) {
  ASSERT_EQ(program.Run({"thing", "make", "--size", "1", "cpr", "thing"}), ExitCode::kOk) << program.err;
  EXPECT_EQ(seen[0], "cpr");
  EXPECT_EQ(seen[1], "thing");
  ASSERT_EQ(program.Run({"thing", "make", "--size", "1", "--", "--help"}), ExitCode::kOk) << program.err;
  EXPECT_EQ(seen[0], "--help");
}

struct Misuse {
  std::vector<std::string> args;
  std::string message;
};

TEST_F(FrontEndTest, MisuseIsExitCodeTwoAndSaysWhat) {
  const Misuse cases[] = {
      {{"nothing"}, "there is no command nothing"},
      {{"thing"}, "A verb is missing"},
      {{"thing", "break"}, "there is no command thing break"},
      {{"--json"}, "a command is missing"},
      {{"--nonsense", "thing", "make"}, "--nonsense"},
      {{"thing", "make"}, "--size is required"},
      {{"thing", "make", "--size"}, "lacks its value"},
      {{"thing", "make", "--size", "1"}, "NAME is required"},
      {{"thing", "make", "--size", "x", "a"}, "--size must be a whole number"},
      {{"thing", "make", "--size", "1.5", "a"}, "--size must be a whole number"},
      {{"thing", "make", "--size", "99999999999999999999", "a"}, "--size must be a whole number"},
      {{"thing", "make", "--size", "1", "--size", "2", "a"}, "--size may be given once only"},
      {{"thing", "make", "--size", "1", "--day", "21-11-2026", "a"}, "--day must be a date"},
      {{"thing", "make", "--size", "1", "--day", "2026-02-30", "a"}, "--day must be a date"},
      {{"thing", "make", "--size", "1", "--case", "12ab", "a"}, "--case must be an id"},
      {{"thing", "make", "--size", "1", "--form", "oval", "a"}, "--form must be one of round, square"},
      {{"thing", "make", "--size", "1", "a", "b", "c"}, "one argument too many: c"},
      {{"thing", "make", "--size", "1", "--bogus", "a"}, "there is no option --bogus"},
      {{"completion", "tcsh"}, "SHELL must be one of bash, zsh, fish"},
  };
  for (const Misuse& misuse : cases) {
    EXPECT_EQ(program.Run(misuse.args), ExitCode::kUsage) << misuse.message;
    EXPECT_THAT(program.err, HasSubstr(misuse.message));
    EXPECT_THAT(program.err, HasSubstr("--help"));
    EXPECT_EQ(program.out, "") << "diagnostics are no data";
  }
  EXPECT_EQ(program.Run({}), ExitCode::kUsage);
  EXPECT_THAT(program.err, HasSubstr("Usage: medflyt NOUN VERB"));
  EXPECT_TRUE(seen.empty()) << "a command ran";
}

TEST_F(FrontEndTest, CprNumbersOnTheCommandLineAreRefusedAndNeverRepeated) {
  for (const char* number : {"6101901000", "610190-1000"}) {
    for (const std::vector<std::string>& args : {std::vector<std::string>{"thing", "make", "--size", "1", number},
                                                 {"thing", "make", "--size", "1", "--label", number, "a"},
                                                 {"thing", "make", "--size", "1", std::string("--bogus=") + number},
                                                 {"thing", "make", "--size", "1", "a", "b", number},
                                                 {"thing", "make", "--size", std::string(number) + "x", "a"},
                                                 {"thing", number},
                                                 {"--purpose", number, "thing", "make", "--size", "1", "a"},
                                                 {number}}) {
      EXPECT_EQ(program.Run(args), ExitCode::kUsage);
      EXPECT_THAT(program.err, Not(HasSubstr("1000"))) << "the number is repeated";
    }
  }
  EXPECT_TRUE(seen.empty()) << "a command ran";
}

TEST(WithoutCprNumbersTest, CoversWhateverCouldBeOne) {
  EXPECT_EQ(WithoutCprNumbers("a 6101901000 b"), "a ********** b");
  EXPECT_EQ(WithoutCprNumbers("610190-1000"), "***********");
  EXPECT_EQ(WithoutCprNumbers("x=61019010001"), "x=***********");
  EXPECT_EQ(WithoutCprNumbers("2026-11-21 127.0.0.1:7461 123456-789"), "2026-11-21 127.0.0.1:7461 123456-789");
  EXPECT_EQ(WithoutCprNumbers(""), "");
}

TEST_F(FrontEndTest, ExitCodesTellFailuresApart) {
  const std::pair<absl::Status, ExitCode> cases[] = {
      {absl::OkStatus(), ExitCode::kOk},
      {absl::NotFoundError("no"), ExitCode::kFailed},
      {absl::InternalError("no"), ExitCode::kFailed},
      {absl::InvalidArgumentError("no"), ExitCode::kFailed},
      {UsageError("no"), ExitCode::kUsage},
      {absl::UnavailableError("no"), ExitCode::kUnavailable},
      {absl::DeadlineExceededError("no"), ExitCode::kUnavailable},
      {VerificationFailed(absl::DataLossError("no")), ExitCode::kVerificationFailed},
      {VerificationFailed(absl::UnavailableError("no")), ExitCode::kUnavailable},
      {VerificationFailed(absl::OkStatus()), ExitCode::kOk},
  };
  for (const auto& [status, code] : cases) {
    result = status;
    EXPECT_EQ(Make({"a"}), code) << status;
  }
}

TEST_F(FrontEndTest, ErrorsNameRuleAndField) {
  result = RuleError(absl::StatusCode::kFailedPrecondition, "AGREEMENT_NOT_IN_FORCE", "agreement", "it ended");
  EXPECT_EQ(Make({"a"}), ExitCode::kFailed);
  EXPECT_EQ(program.err, "medflyt: it ended (rule AGREEMENT_NOT_IN_FORCE, field agreement)\n");
  result = RuleError(absl::StatusCode::kFailedPrecondition, "CLOSED", "", "closed");
  EXPECT_EQ(Make({"a"}), ExitCode::kFailed);
  EXPECT_EQ(program.err, "medflyt: closed (rule CLOSED)\n");
  result = absl::NotFoundError("");
  EXPECT_EQ(Make({"a"}), ExitCode::kFailed);
  EXPECT_EQ(program.err, "medflyt: NOT_FOUND\n");
}

TEST_F(FrontEndTest, ColourIsForTerminalsOnly) {
  result = absl::NotFoundError("no");
  (void)Make({"a"});
  EXPECT_THAT(program.err, Not(HasSubstr("\x1b")));
  program.err_terminal = {.is_terminal = true, .colour = true, .columns = 80};
  (void)Make({"a"});
  EXPECT_THAT(program.err, StartsWith("\x1b[31mmedflyt:\x1b[0m"));
}

TEST_F(FrontEndTest, CprNumberComesFromInputOrFile) {
  EXPECT_EQ(program.Run({"thing", "person"}, "610190-1000\nrest"), ExitCode::kOk) << program.err;
  EXPECT_THAT(seen, ElementsAre("6101901000"));
  const std::string path = ::testing::TempDir() + "/cli_cpr_number";
  std::ofstream(path) << "6201901000\r\nmore\n";
  EXPECT_EQ(program.Run({"thing", "person", "--cpr-file", path}), ExitCode::kOk) << program.err;
  EXPECT_THAT(seen, ElementsAre("6201901000"));
}

TEST_F(FrontEndTest, WrongCprNumbersAreRefusedWithoutRepeatingThem) {
  for (const char* input : {"", "\n", "610190100", "6113901000", "6101901000 and more"}) {
    EXPECT_EQ(program.Run({"thing", "person"}, input), ExitCode::kFailed) << input;
    EXPECT_THAT(program.err, HasSubstr("rule CPR_NUMBER_"));
    EXPECT_THAT(program.err, Not(HasSubstr("901")));
  }
  EXPECT_EQ(program.Run({"thing", "person", "--cpr-file", "/nonexistent/file"}), ExitCode::kFailed);
  EXPECT_TRUE(seen.empty());
}

TEST_F(FrontEndTest, ConnectionComesFromTheCommandLineBeforeTheProfile) {
  const std::string folder = ::testing::TempDir() + "/cli_profiles";
  std::filesystem::create_directories(folder + "/medflyt");
  std::ofstream(folder + "/medflyt/profiles.toml") << "default_profile = 'odense'\n"
                                                      "[profile.odense]\naddress = 'localhost:1'\nofficer = 'o1'\n"
                                                      "[profile.nyborg]\naddress = 'localhost:2'\nca = 'ca.pem'\n";
  program.variables["XDG_CONFIG_HOME"] = folder;
  EXPECT_EQ(program.Run({"thing", "connect"}), ExitCode::kUnavailable);
  EXPECT_EQ(*settings, (ConnectionSettings{.address = "localhost:1", .officer = "o1"}));
  EXPECT_EQ(program.err, "medflyt: nobody there\n");
  EXPECT_EQ(program.Run({"thing", "connect", "--profile", "nyborg", "--officer", "o2"}), ExitCode::kUnavailable);
  EXPECT_EQ(*settings,
            (ConnectionSettings{.address = "localhost:2", .ca = folder + "/medflyt/ca.pem", .officer = "o2"}));
  program.variables["MEDFLYT_PROFILE"] = "nyborg";
  EXPECT_EQ(program.Run({"thing", "connect", "--address", "localhost:3"}), ExitCode::kUnavailable);
  EXPECT_EQ(settings->address, "localhost:3");
  EXPECT_EQ(settings->ca, folder + "/medflyt/ca.pem");
  program.variables["MEDFLYT_PROFILE"] = "assens";
  EXPECT_EQ(program.Run({"thing", "connect"}), ExitCode::kFailed);
  EXPECT_THAT(program.err, HasSubstr("PROFILE_UNKNOWN"));
}

TEST_F(FrontEndTest, WithoutAnyProfileTheAddressMustBeGiven) {
  program.variables["XDG_CONFIG_HOME"] = "/nonexistent";
  EXPECT_EQ(program.Run({"thing", "connect"}), ExitCode::kUsage);
  EXPECT_EQ(program.Run({"thing", "connect", "--address", "localhost:1"}), ExitCode::kUnavailable);
  EXPECT_EQ(program.Run({"thing", "connect", "--profile", "odense"}), ExitCode::kFailed);
  EXPECT_THAT(program.err, HasSubstr("PROFILES_UNREADABLE"));
  EXPECT_EQ(program.Run({"thing", "connect", "--profiles", "/nonexistent/profiles"}), ExitCode::kFailed);
}

}  // namespace
}  // namespace medflyt::cli
