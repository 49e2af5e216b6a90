// Streaming reader of CPR Direkte extracts, the format in which a municipality receives changes from the Danish civil
// registry: ISO 8859-1, one record a line, the first three characters tell its type, trailing blanks may be cut.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/date.h"
#include "common/registry/person.h"

namespace medflyt::registry {

struct ExtractHeader {  // record 000
  std::string task;     // six characters, as printed
  Date production_date;
  std::optional<Date> previous_production_date;

  friend bool operator==(const ExtractHeader&, const ExtractHeader&) = default;
};

struct ExtractCounts {
  uint64_t records = 0;  // between start and end record; equal to the end record's count
  uint64_t persons = 0;
  uint64_t unread = 0;  // of them, records of types from which nothing is read

  friend bool operator==(const ExtractCounts&, const ExtractCounts&) = default;
};

// Receives an extract as it is read. An error that it returns ends the reading. What it receives is provisional until
// the reading has ended with OK: only the end record tells whether the extract is whole.
class ExtractVisitor {
 public:
  virtual ~ExtractVisitor() = default;
  virtual absl::Status OnStart(const ExtractHeader& header) = 0;
  // `person` is valid during the call only.
  virtual absl::Status OnPerson(const PersonRecord& person) = 0;
};

// Takes the bytes in chunks of any size and calls the visitor for each person. Memory does not depend on the size of
// the extract. Not thread-safe.
//
// Bad input is INVALID_ARGUMENT with a rule, a field "<type>.<name>" and a message that tells the record's number (the
// start record is 1) and type, never a CPR number or the field's content:
//   START_RECORD_MISSING, END_RECORD_MISSING (truncated), DATA_AFTER_END, RECORD_COUNT_MISMATCH,
//   RECORD_TYPE_INVALID, RECORD_TOO_LONG, CONTROL_CHARACTER, RECORD_ORDER (a record that is not of the person whose 001
//   came last), RECORD_REPEATED, TOO_MANY_RECORDS (of one person), CPR_NUMBER_MALFORMED, CPR_NUMBER_DATE,
//   DIGITS_REQUIRED, STATUS_UNKNOWN, DATE_REQUIRED, DATE_INVALID, DATE_CENTURY (a day that exists, but not in a century
//   in which it could lie), DATE_BEFORE_BIRTH, DATE_ORDER (previous production date after this one).
// After an error every call returns it again.
class ExtractReader {
 public:
  static constexpr size_t kMaxRecordBytes = 4096;
  static constexpr size_t kMaxRecordsPerPerson = 20'000;

  explicit ExtractReader(ExtractVisitor& visitor) : visitor_(visitor) {}
  ~ExtractReader();
  ExtractReader(const ExtractReader&) = delete;
  ExtractReader& operator=(const ExtractReader&) = delete;

  [[nodiscard]] absl::Status Feed(std::string_view chunk);
  // To be called once after the last chunk. OK: the extract was whole.
  [[nodiscard]] absl::Status Finish();

  // Complete when Finish returned OK.
  [[nodiscard]] const ExtractCounts& counts() const { return counts_; }

 private:
  struct Field;
  struct Fields;
  enum class State : uint8_t { kStart, kRecords, kEnded };

  [[nodiscard]] bool Line(std::string_view line);
  [[nodiscard]] bool StartRecord(std::string_view line);
  [[nodiscard]] bool EndRecord(std::string_view line);
  [[nodiscard]] bool PersonStart(std::string_view line);
  [[nodiscard]] bool OfCurrentPerson(std::string_view line);
  [[nodiscard]] bool DataRecord(std::string_view line);
  [[nodiscard]] bool AddressRecord(std::string_view line);
  [[nodiscard]] bool ProtectionRecord(std::string_view line);
  [[nodiscard]] bool AbroadRecord(std::string_view line);
  [[nodiscard]] bool DisappearedRecord(std::string_view line);
  [[nodiscard]] bool NumberChangeRecord(std::string_view line);
  [[nodiscard]] bool HistoricAddressRecord(std::string_view line);
  [[nodiscard]] bool EventRecord(std::string_view line);
  [[nodiscard]] bool DeliverPerson();

  [[nodiscard]] bool ReadNumber(std::string_view line, const Field& field, uint16_t& out);
  [[nodiscard]] bool ReadMunicipality(std::string_view line, const Field& field, MunicipalityCode& out);
  // yyyyMMdd, or yyyyMMddHHmm of which the time only has to be digits; then the mark of an uncertain date.
  [[nodiscard]] bool ReadStated(std::string_view line, const Field& field, StatedDate& out);
  // yyyy-MM-dd
  [[nodiscard]] bool ReadIso(std::string_view line, const Field& field, std::optional<Date>& out);
  [[nodiscard]] bool ReadIsoStated(std::string_view line, const Field& field, StatedDate& out);
  [[nodiscard]] bool ReadCpr(std::string_view line, const Field& field, std::optional<CprNumber>& out);
  [[nodiscard]] bool MakeFieldDate(const Field& field, int year, int month, int day, std::optional<Date>& out);
  [[nodiscard]] bool NotFarAhead(const Field& field, const std::optional<Date>& date);
  [[nodiscard]] bool NotBeforeBirth(const Field& field, const StatedDate& date);

  [[nodiscard]] bool Fail(std::string_view rule, std::string_view field, std::string_view message);

  ExtractVisitor& visitor_;
  absl::Status error_;
  State state_ = State::kStart;
  bool finished_ = false;
  uint64_t record_number_ = 0;
  int record_type_ = -1;  // of the record at hand, -1 where it has none
  std::string carry_;     // the beginning of a line whose end is in a later chunk
  ExtractHeader header_;
  ExtractCounts counts_;
  std::optional<PersonRecord> person_;
  uint64_t records_of_person_ = 0;
  std::optional<int64_t> birth_year_;  // where the birthday does not lie after the production date
};

// Gives the next bytes, valid until its next call; an empty view is the end.
using ChunkSource = std::function<absl::StatusOr<std::string_view>()>;

// Reads a whole extract.
[[nodiscard]] absl::StatusOr<ExtractCounts> ReadExtract(const ChunkSource& source, ExtractVisitor& visitor);

// Whether an extract continues where the last one ended: FAILED_PRECONDITION with EXTRACT_GAP where its previous
// production date is not `last_read`. Without a last one, any extract may come first.
[[nodiscard]] absl::Status CheckContinues(const ExtractHeader& header, const std::optional<Date>& last_read);

}  // namespace medflyt::registry
