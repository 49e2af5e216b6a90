// The bytes of a row: a version byte, then the fields in the order in which `Fields` names them. One visitor names the
// fields for writing and for reading, so the two cannot drift apart.
//
// Unsigned numbers are LEB128, signed ones and dates (days since 1970-01-01) zigzag LEB128, in the shortest form only;
// enums and booleans a byte; ids and hashes their bytes; personal numbers ten digits; texts and lists are preceded by
// their length, optional values by 0 or 1.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "common/base/date.h"
#include "common/base/id.h"
#include "common/base/named_type.h"
#include "common/directory/identity.h"
#include "common/event/bodies.h"
#include "common/registry/cpr_number.h"
#include "server/domain/agreement.h"
#include "server/domain/dispute.h"
#include "server/domain/enrolment.h"
#include "server/domain/erasure.h"
#include "server/domain/ground.h"
#include "server/domain/relocation.h"
#include "server/domain/transfer.h"

namespace medflyt::domain::codec {

inline constexpr uint8_t kVersion = 1;

// The greatest value of each enum in a row; the least is 1.
constexpr uint8_t Last(VersionState) { return 3; }
constexpr uint8_t Last(Direction) { return 2; }
constexpr uint8_t Last(RelocationState) { return 11; }
constexpr uint8_t Last(TransferState) { return 5; }
constexpr uint8_t Last(ErasureState) { return 2; }
constexpr uint8_t Last(event::PriceUnit) { return 2; }
constexpr uint8_t Last(event::EndReason) { return 10; }
constexpr uint8_t Last(event::ObservationKind) { return 6; }
constexpr uint8_t Last(event::HoldReason) { return 5; }
constexpr uint8_t Last(event::ProtectionFlag) { return 2; }
constexpr uint8_t Last(event::ResponsibilityEndReason) { return 4; }
constexpr uint8_t Last(event::DataCategory) { return 3; }
constexpr uint8_t Last(event::DisputeGround) { return 4; }

// The fields of a struct; those of events are named here, because events know nothing of rows.
template <typename T, typename Visit>
void VisitFields(T& self, Visit& visit) {
  using Plain = std::remove_const_t<T>;
  if constexpr (std::is_same_v<Plain, event::AgreementTerms>) {
    visit(self.capacity, self.price_ore, self.price_unit, self.valid_from, self.valid_to, self.notice_days,
          self.settlement_months, self.legal_basis, self.council_case);
  } else if constexpr (std::is_same_v<Plain, event::AnnouncementRef>) {
    visit(self.origin, self.index, self.leaf_hash);
  } else if constexpr (std::is_same_v<Plain, event::AnnouncementVerified>) {
    visit(self.announcement, self.issuer, self.addressee, self.provider, self.same_citizen, self.effective_date);
  } else if constexpr (std::is_same_v<Plain, event::DisclosureGround>) {
    visit(self.legal_basis, self.necessity, self.journal_reference, self.categories);
  } else if constexpr (std::is_same_v<Plain, event::ExtractImported>) {
    visit(self.digest, self.production_date, self.previous_production_date, self.records, self.persons, self.matches);
  } else {
    Plain::Fields(self, visit);
  }
}

class Writer {
 public:
  Writer() { out_.push_back(static_cast<char>(kVersion)); }

  template <typename... T>
  void operator()(const T&... values) {
    (Put(values), ...);
  }
  // The last field: nothing where it is empty, so that rows from before there was one are rows still.
  template <typename T>
  void Trailing(const std::vector<T>& values) {
    if (!values.empty()) Put(values);
  }
  template <typename T>
  void Trailing(const std::optional<T>& value) {
    if (value) Put(value);
  }
  [[nodiscard]] std::string Take() && { return std::move(out_); }

 private:
  void Varint(uint64_t value);
  void Text(std::string_view text) {
    Varint(text.size());
    out_.append(text);
  }
  void Put(bool value) { out_.push_back(value ? 1 : 0); }
  void Put(uint32_t value) { Varint(value); }
  void Put(uint64_t value) { Varint(value); }
  void Put(int64_t value) { Varint((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63)); }
  void Put(Date value) { Put(DaysSinceEpoch(value)); }
  void Put(const std::string& value) { Text(value); }
  void Put(const registry::CprNumber& value) { out_.append(value.ExposeDigits()); }
  template <size_t N, typename Tag>
  void Put(const FixedBytes<N, Tag>& value) {
    out_.append(value.bytes());
  }
  template <typename T, typename Tag>
  void Put(const NamedType<T, Tag>& value) {
    Put(value.value());
  }
  template <size_t N, typename Tag>
  void Put(const DigitCode<N, Tag>& value) {
    Varint(value.number());
  }
  template <typename T>
  void Put(const std::optional<T>& value) {
    Put(value.has_value());
    if (value) Put(*value);
  }
  template <typename T>
  void Put(const std::vector<T>& values) {
    Varint(values.size());
    for (const T& value : values) Put(value);
  }
  template <typename T>
    requires std::is_enum_v<T>
  void Put(T value) {
    out_.push_back(static_cast<char>(value));
  }
  template <typename T>
    requires std::is_class_v<T>
  void Put(const T& value) {
    VisitFields(value, *this);
  }

  std::string out_;
};

// Reads what Writer wrote. The first fault makes every later read fail.
class Reader {
 public:
  explicit Reader(std::string_view bytes);

  template <typename... T>
  void operator()(T&... values) {
    (Get(values), ...);
  }
  template <typename T>
  void Trailing(std::vector<T>& values) {
    values.clear();
    if (rest_.empty()) return;
    Get(values);
    Require(!values.empty());
  }
  template <typename T>
  void Trailing(std::optional<T>& value) {
    value.reset();
    if (rest_.empty()) return;
    Get(value);
    Require(value.has_value());
  }
  // Everything was there, in its one form, and nothing is left.
  [[nodiscard]] bool Complete() const { return ok_ && rest_.empty(); }

 private:
  [[nodiscard]] uint64_t Varint();
  [[nodiscard]] std::string_view Bytes(uint64_t count);
  [[nodiscard]] uint8_t Byte();
  void Require(bool condition) {
    if (!condition) ok_ = false;
  }

  void Get(bool& value) {
    const uint8_t byte = Byte();
    Require(byte <= 1);
    value = byte == 1;
  }
  void Get(uint64_t& value) { value = Varint(); }
  void Get(uint32_t& value) {
    const uint64_t wide = Varint();
    Require(wide <= std::numeric_limits<uint32_t>::max());
    value = static_cast<uint32_t>(wide);
  }
  void Get(int64_t& value) {
    const uint64_t wide = Varint();
    value = static_cast<int64_t>((wide >> 1) ^ (~(wide & 1) + 1));
  }
  void Get(Date& value);
  void Get(std::string& value) { value = std::string(Bytes(Varint())); }
  void Get(registry::CprNumber& value);
  template <size_t N, typename Tag>
  void Get(FixedBytes<N, Tag>& value) {
    if (const auto read = FixedBytes<N, Tag>::FromBytes(Bytes(N))) {
      value = *read;
    } else {
      ok_ = false;
    }
  }
  template <typename T, typename Tag>
  void Get(NamedType<T, Tag>& value) {
    T read{};
    Get(read);
    value = NamedType<T, Tag>(read);
  }
  template <size_t N, typename Tag>
  void Get(DigitCode<N, Tag>& value) {
    uint32_t number = 0;
    Get(number);
    if (const auto read = DigitCode<N, Tag>::FromNumber(number)) {
      value = *read;
    } else {
      ok_ = false;
    }
  }
  template <typename T>
  void Get(std::optional<T>& value) {
    bool present = false;
    Get(present);
    value.reset();
    if (ok_ && present) value = One<T>();
  }
  template <typename T>
  void Get(std::vector<T>& values) {
    const uint64_t count = Varint();
    Require(count <= rest_.size());  // every element takes a byte at least
    values.clear();
    for (uint64_t i = 0; ok_ && i < count; ++i) values.push_back(One<T>());
  }
  template <typename T>
    requires std::is_enum_v<T>
  void Get(T& value) {
    const uint8_t byte = Byte();
    Require(byte >= 1 && byte <= Last(T{}));
    if (ok_) value = static_cast<T>(byte);
  }
  template <typename T>
    requires std::is_class_v<T>
  void Get(T& value) {
    VisitFields(value, *this);
  }
  template <typename T>
  [[nodiscard]] T One() {
    if constexpr (std::is_same_v<T, registry::CprNumber>) {
      registry::CprNumber value = AnyNumber();
      Get(value);
      return value;
    } else if constexpr (!std::is_default_constructible_v<T>) {
      T value(AnyNumber());
      Get(value);
      return value;
    } else {
      T value{};
      Get(value);
      return value;
    }
  }

 public:
  // Some number, for a field that is about to be read: a CPR number has no empty value.
  [[nodiscard]] static registry::CprNumber AnyNumber();

 private:
  std::string_view rest_;
  bool ok_ = true;
};

template <typename T>
[[nodiscard]] std::string Encode(const T& row) {
  Writer writer;
  VisitFields(row, writer);
  return std::move(writer).Take();
}

// False unless `bytes` is exactly what Encode gives for some row, which is then in `row`.
template <typename T>
[[nodiscard]] bool Decode(std::string_view bytes, T& row) {
  Reader reader(bytes);
  VisitFields(row, reader);
  return reader.Complete();
}

}  // namespace medflyt::domain::codec
