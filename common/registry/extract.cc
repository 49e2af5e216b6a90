#include "common/registry/extract.h"

#include <strings.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/base/absl_view.h"
#include "common/base/status.h"

namespace medflyt::registry {

// Position counted from 1, as the format's descriptions do.
struct ExtractReader::Field {
  const char* name;
  size_t position;
  size_t length;
};

struct ExtractReader::Fields {
  static constexpr Field kTask{"000.task", 14, 6};
  static constexpr Field kProductionDate{"000.production_date", 20, 8};
  static constexpr Field kPreviousProductionDate{"000.previous_production_date", 28, 8};
  static constexpr Field kCurrentCpr{"001.current_cpr_number", 14, 10};
  static constexpr Field kStatus{"001.status", 24, 2};
  static constexpr Field kMunicipality{"002.municipality", 14, 4};
  static constexpr Field kRoad{"002.road", 18, 4};
  static constexpr Field kMovedIn{"002.moved_in", 70, 12};
  static constexpr Field kIntoMunicipality{"002.into_municipality", 83, 12};
  static constexpr Field kLeftMunicipality{"002.left_municipality", 96, 4};
  static constexpr Field kLeftAt{"002.left_at", 100, 12};
  static constexpr Field kProtectionType{"004.type", 14, 4};
  static constexpr Field kProtectionFrom{"004.from", 18, 10};
  static constexpr Field kProtectionTo{"004.to", 28, 10};
  static constexpr Field kCountry{"005.country", 14, 4};
  static constexpr Field kLeftCountry{"005.left", 18, 12};
  static constexpr Field kDisappeared{"007.from", 14, 12};
  static constexpr Field kFormerCpr{"022.former_cpr_number", 14, 10};
  static constexpr Field kFormerFrom{"022.from", 24, 10};
  static constexpr Field kFormerTo{"022.to", 35, 10};
  static constexpr Field kCorrectionMark{"023.mark", 14, 1};
  static constexpr Field kHistoricMunicipality{"023.municipality", 15, 4};
  static constexpr Field kHistoricMovedIn{"023.moved_in", 71, 12};
  static constexpr Field kHistoricMovedOut{"023.moved_out", 84, 12};
  static constexpr Field kEventTime{"099.time", 14, 12};
  static constexpr Field kEventCode{"099.code", 26, 3};
  static constexpr Field kEventDerived{"099.derived", 29, 2};
  static constexpr Field kCount{"999.count", 14, 8};
};

namespace {

constexpr int kStart = 0;
constexpr int kPerson = 1;
constexpr int kCurrentAddress = 2;
constexpr int kProtection = 4;
constexpr int kAbroad = 5;
constexpr int kDisappearance = 7;
constexpr int kNumberChange = 22;
constexpr int kHistoricAddress = 23;
constexpr int kEvent = 99;
constexpr int kEnd = 999;

constexpr size_t kTypeLength = 3;
constexpr size_t kCprPosition = 4;

// The civil registry exists since 1968, and what it states lies near its own day: a date outside is a slip of the
// century. The end of a protection is excepted, for the registry writes "for ever" as a hundred years.
constexpr int kFirstProductionYear = 1968;
constexpr int kLastProductionYear = 2099;
constexpr int kFirstYear = 1800;
constexpr int kYearsAhead = 50;

bool AllDigits(std::string_view text) {
  unsigned bad = 0;
  for (const char c : text) bad |= static_cast<unsigned>(static_cast<unsigned char>(c - '0') > 9);
  return bad == 0;
}

bool AllOf(std::string_view text, char wanted) {
  unsigned differences = 0;
  for (const char c : text) differences |= static_cast<unsigned>(c != wanted);
  return differences == 0;
}

// Of a run of digits, at most nine.
int Number(std::string_view digits) {
  int value = 0;
  for (const char c : digits) value = value * 10 + (c - '0');
  return value;
}

bool HasControlCharacter(std::string_view line) {
  unsigned found = 0;
  for (const char c : line) found |= static_cast<unsigned>(static_cast<unsigned char>(c) < 0x20);
  return found != 0;
}

// What the line has of a run of characters: less than `length` where trailing blanks were cut.
std::string_view Columns(std::string_view line, size_t position, size_t length) {
  if (line.size() < position) return {};
  return line.substr(position - 1, length);
}

bool MarkedUncertain(std::string_view line, size_t position) {
  return line.size() >= position && line[position - 1] != ' ';
}

std::optional<PersonStatus> StatusOf(int code) {
  for (const PersonStatus status :
       {PersonStatus::kResident, PersonStatus::kResidentSpecialRoad, PersonStatus::kGreenland,
        PersonStatus::kGreenlandSpecialRoad, PersonStatus::kNeverResident, PersonStatus::kAnnulledNumber,
        PersonStatus::kDeletedNumber, PersonStatus::kRenumbered, PersonStatus::kDisappeared, PersonStatus::kEmigrated,
        PersonStatus::kDead}) {
    if (static_cast<int>(status) == code) return status;
  }
  return std::nullopt;
}

CorrectionMark MarkOf(std::string_view mark) {
  if (mark.empty() || mark[0] == ' ') return CorrectionMark::kNone;
  if (mark[0] == 'A') return CorrectionMark::kAnnulled;
  return mark[0] == 'K' ? CorrectionMark::kCorrected : CorrectionMark::kOther;
}

std::string TypeName(int type) {
  std::string name = std::to_string(type);
  return std::string(kTypeLength - name.size(), '0') + name;
}

}  // namespace

ExtractReader::~ExtractReader() { explicit_bzero(carry_.data(), carry_.size()); }

absl::Status ExtractReader::Feed(std::string_view chunk) {
  if (finished_ && error_.ok()) error_ = absl::FailedPreconditionError("the extract was finished");
  if (!error_.ok()) return error_;
  while (!chunk.empty()) {
    const void* found = std::memchr(chunk.data(), '\n', chunk.size());
    const size_t length =
        found != nullptr ? static_cast<size_t>(static_cast<const char*>(found) - chunk.data()) : chunk.size();
    if (carry_.size() + length > kMaxRecordBytes) {
      ++record_number_;
      record_type_ = -1;
      (void)Fail("RECORD_TOO_LONG", "record", "is longer than any record of the format");
      return error_;
    }
    if (found == nullptr) {
      carry_.append(chunk);
      break;
    }
    bool read;
    if (carry_.empty()) {
      read = Line(chunk.substr(0, length));
    } else {
      carry_.append(chunk.substr(0, length));
      read = Line(carry_);
      carry_.clear();
    }
    if (!read) return error_;
    chunk.remove_prefix(length + 1);
  }
  return absl::OkStatus();
}

absl::Status ExtractReader::Finish() {
  if (!error_.ok()) return error_;
  finished_ = true;
  // An unended line that is not the end record is what a truncation left of one: its fields tell nothing.
  if (!carry_.empty() && (state_ != State::kRecords || carry_.starts_with("999"))) {
    if (!Line(carry_)) return error_;
    carry_.clear();
  }
  if (state_ == State::kEnded) return absl::OkStatus();
  record_type_ = -1;
  ++record_number_;
  if (state_ == State::kStart) {
    (void)Fail("START_RECORD_MISSING", "record_type", "the extract is empty; it begins with a record of type 000");
  } else {
    (void)Fail("END_RECORD_MISSING", "record_type", "the extract is truncated; it ends with a record of type 999");
  }
  return error_;
}

bool ExtractReader::Line(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  if (state_ == State::kEnded) {
    if (AllOf(line, ' ')) return true;
    ++record_number_;
    record_type_ = -1;
    return Fail("DATA_AFTER_END", "record_type", "nothing may follow the record of type 999");
  }
  ++record_number_;
  record_type_ = -1;
  if (HasControlCharacter(line)) return Fail("CONTROL_CHARACTER", "record", "holds a control character");
  const std::string_view type = line.substr(0, kTypeLength);
  const bool typed = type.size() == kTypeLength && AllDigits(type);
  if (state_ == State::kStart) {
    if (!typed || Number(type) != kStart) {
      return Fail("START_RECORD_MISSING", "record_type", "the first record must have type 000");
    }
    record_type_ = kStart;
    return StartRecord(line);
  }
  if (!typed) return Fail("RECORD_TYPE_INVALID", "record_type", "must be three digits");
  record_type_ = Number(type);
  if (record_type_ == kEnd) return EndRecord(line);
  ++counts_.records;
  if (record_type_ == kStart) return Fail("RECORD_ORDER", "record_type", "a start record may stand first only");
  if (record_type_ == kPerson) return PersonStart(line);
  return OfCurrentPerson(line) && DataRecord(line);
}

bool ExtractReader::StartRecord(std::string_view line) {
  header_.task = Columns(line, Fields::kTask.position, Fields::kTask.length);
  StatedDate production;
  StatedDate previous;
  for (auto [field, date] :
       {std::pair{&Fields::kProductionDate, &production}, std::pair{&Fields::kPreviousProductionDate, &previous}}) {
    if (!ReadStated(line, *field, *date)) return false;
    if (date->date && (date->date->year() < kFirstProductionYear || date->date->year() > kLastProductionYear)) {
      return Fail("DATE_CENTURY", field->name, "must lie between 1968 and 2099");
    }
  }
  if (!production.date) return Fail("DATE_REQUIRED", Fields::kProductionDate.name, "must not be zero");
  if (previous.date && *previous.date > *production.date) {
    return Fail("DATE_ORDER", Fields::kPreviousProductionDate.name, "lies after the production date");
  }
  header_.production_date = *production.date;
  header_.previous_production_date = previous.date;
  state_ = State::kRecords;
  if (absl::Status status = visitor_.OnStart(header_); !status.ok()) {
    error_ = std::move(status);
    return false;
  }
  return true;
}

bool ExtractReader::EndRecord(std::string_view line) {
  const std::string_view count = Columns(line, Fields::kCount.position, Fields::kCount.length);
  if (count.size() != Fields::kCount.length || !AllDigits(count)) {
    return Fail("DIGITS_REQUIRED", Fields::kCount.name, "must be eight digits");
  }
  const size_t end = Fields::kCount.position + Fields::kCount.length - 1;
  if (!AllOf(line.substr(end), ' ')) {
    return Fail("DATA_AFTER_END", Fields::kCount.name, "is followed by more data in the same record");
  }
  if (static_cast<uint64_t>(Number(count)) != counts_.records) {
    return Fail("RECORD_COUNT_MISMATCH", Fields::kCount.name,
                "says " + std::to_string(Number(count)) + ", but " + std::to_string(counts_.records) +
                    " records stand between start and end");
  }
  if (!DeliverPerson()) return false;
  state_ = State::kEnded;
  return true;
}

bool ExtractReader::DeliverPerson() {
  if (counts_.persons == 0) return true;
  if (absl::Status status = visitor_.OnPerson(*person_); !status.ok()) {
    error_ = std::move(status);
    return false;
  }
  return true;
}

bool ExtractReader::PersonStart(std::string_view line) {
  const std::string_view digits = Columns(line, kCprPosition, CprNumber::kDigits);
  const auto number = CprNumber::Parse(digits, "001.cpr_number");
  if (!number.ok()) {
    return Fail(BrokenRuleOf(number.status())->rule, "001.cpr_number", ToStd(number.status().message()));
  }
  if (counts_.persons > 0 && person_->cpr == *number) {
    return Fail("RECORD_REPEATED", "record_type", "the person has a record of type 001 already");
  }
  if (!DeliverPerson()) return false;
  ++counts_.persons;
  records_of_person_ = 1;
  if (person_) {
    person_->Restart(*number);
  } else {
    person_.emplace(*number);
  }
  const Date birth = number->BirthDate();
  birth_year_ = birth <= header_.production_date ? std::optional<int64_t>(birth.year()) : std::nullopt;

  if (!ReadCpr(line, Fields::kCurrentCpr, person_->current_cpr)) return false;
  const std::string_view status = Columns(line, Fields::kStatus.position, Fields::kStatus.length);
  if (status.size() != Fields::kStatus.length || !AllDigits(status)) {
    return Fail("DIGITS_REQUIRED", Fields::kStatus.name, "must be two digits");
  }
  const auto known = StatusOf(Number(status));
  if (!known) return Fail("STATUS_UNKNOWN", Fields::kStatus.name, "is none of the civil registry's statuses");
  person_->status = *known;
  return true;
}

bool ExtractReader::OfCurrentPerson(std::string_view line) {
  const std::string_view digits = Columns(line, kCprPosition, CprNumber::kDigits);
  if (counts_.persons > 0 && digits == person_->cpr.ExposeDigits()) {
    if (++records_of_person_ <= kMaxRecordsPerPerson) return true;
    return Fail("TOO_MANY_RECORDS", "record_type", "the person has more records than any person could");
  }
  const std::string field = TypeName(record_type_) + ".cpr_number";
  if (digits.size() != CprNumber::kDigits || !AllDigits(digits)) {
    return Fail("CPR_NUMBER_MALFORMED", field, "a CPR number has exactly ten digits");
  }
  return Fail("RECORD_ORDER", field, "is not that of the last record of type 001, which comes first for a person");
}

bool ExtractReader::DataRecord(std::string_view line) {
  switch (record_type_) {
    case kCurrentAddress:
      return AddressRecord(line);
    case kProtection:
      return ProtectionRecord(line);
    case kAbroad:
      return AbroadRecord(line);
    case kDisappearance:
      return DisappearedRecord(line);
    case kNumberChange:
      return NumberChangeRecord(line);
    case kHistoricAddress:
      return HistoricAddressRecord(line);
    case kEvent:
      return EventRecord(line);
    default:
      ++counts_.unread;
      return true;
  }
}

bool ExtractReader::AddressRecord(std::string_view line) {
  if (person_->address) return Fail("RECORD_REPEATED", "record_type", "the person has a current address already");
  CurrentAddress& address = person_->address.emplace();
  return ReadMunicipality(line, Fields::kMunicipality, address.municipality) &&
         ReadNumber(line, Fields::kRoad, address.road) && ReadStated(line, Fields::kMovedIn, address.moved_in) &&
         ReadStated(line, Fields::kIntoMunicipality, address.into_municipality) &&
         NotBeforeBirth(Fields::kIntoMunicipality, address.into_municipality) &&
         ReadMunicipality(line, Fields::kLeftMunicipality, address.left_municipality) &&
         ReadStated(line, Fields::kLeftAt, address.left_at) && NotBeforeBirth(Fields::kLeftAt, address.left_at);
}

bool ExtractReader::ProtectionRecord(std::string_view line) {
  Protection& protection = person_->protections.emplace_back();
  return ReadNumber(line, Fields::kProtectionType, protection.type) &&
         ReadIso(line, Fields::kProtectionFrom, protection.from) && ReadIso(line, Fields::kProtectionTo, protection.to);
}

bool ExtractReader::AbroadRecord(std::string_view line) {
  if (person_->abroad) return Fail("RECORD_REPEATED", "record_type", "the person is abroad already");
  Abroad& abroad = person_->abroad.emplace();
  return ReadNumber(line, Fields::kCountry, abroad.country) && ReadStated(line, Fields::kLeftCountry, abroad.left);
}

bool ExtractReader::DisappearedRecord(std::string_view line) {
  if (person_->disappeared) return Fail("RECORD_REPEATED", "record_type", "the person has disappeared already");
  return ReadStated(line, Fields::kDisappeared, person_->disappeared.emplace());
}

bool ExtractReader::NumberChangeRecord(std::string_view line) {
  std::optional<CprNumber> former;
  if (!ReadCpr(line, Fields::kFormerCpr, former)) return false;
  if (!former) return Fail("CPR_NUMBER_MALFORMED", Fields::kFormerCpr.name, "a CPR number has exactly ten digits");
  NumberChange& change = person_->number_changes.emplace_back(NumberChange{*former, {}, {}});
  return ReadIsoStated(line, Fields::kFormerFrom, change.from) && ReadIsoStated(line, Fields::kFormerTo, change.to);
}

bool ExtractReader::HistoricAddressRecord(std::string_view line) {
  HistoricAddress& address = person_->historic_addresses.emplace_back();
  address.mark = MarkOf(Columns(line, Fields::kCorrectionMark.position, Fields::kCorrectionMark.length));
  return ReadMunicipality(line, Fields::kHistoricMunicipality, address.municipality) &&
         ReadStated(line, Fields::kHistoricMovedIn, address.moved_in) &&
         ReadStated(line, Fields::kHistoricMovedOut, address.moved_out);
}

bool ExtractReader::EventRecord(std::string_view line) {
  RegistryEvent& event = person_->events.emplace_back();
  event.code.fill(' ');
  event.derived.fill(' ');
  std::ranges::copy(Columns(line, Fields::kEventCode.position, Fields::kEventCode.length), event.code.begin());
  std::ranges::copy(Columns(line, Fields::kEventDerived.position, Fields::kEventDerived.length), event.derived.begin());
  return ReadStated(line, Fields::kEventTime, event.time);
}

bool ExtractReader::ReadNumber(std::string_view line, const Field& field, uint16_t& out) {
  const std::string_view text = Columns(line, field.position, field.length);
  if (AllOf(text, ' ')) {
    out = 0;
    return true;
  }
  if (text.size() != field.length || !AllDigits(text)) {
    return Fail("DIGITS_REQUIRED", field.name, "must be " + std::to_string(field.length) + " digits");
  }
  out = static_cast<uint16_t>(Number(text));
  return true;
}

bool ExtractReader::ReadMunicipality(std::string_view line, const Field& field, MunicipalityCode& out) {
  const std::string_view text = Columns(line, field.position, field.length);
  if (AllOf(text, ' ')) {
    out = MunicipalityCode();
    return true;
  }
  const auto code = MunicipalityCode::Parse(text);
  if (!code) return Fail("DIGITS_REQUIRED", field.name, "must be 4 digits");
  out = *code;
  return true;
}

bool ExtractReader::ReadStated(std::string_view line, const Field& field, StatedDate& out) {
  constexpr size_t kDayLength = 8;
  const std::string_view text = Columns(line, field.position, field.length);
  // Only a moment is followed by a mark; what follows a mere day is the next field.
  out.uncertain = field.length > kDayLength && MarkedUncertain(line, field.position + field.length);
  out.date.reset();
  if (AllOf(text, ' ')) return true;
  if (text.size() != field.length || !AllDigits(text)) {
    return Fail("DIGITS_REQUIRED", field.name, "must be " + std::to_string(field.length) + " digits");
  }
  const int year = Number(text.substr(0, 4));
  const int month = Number(text.substr(4, 2));
  const int day = Number(text.substr(6, 2));
  if (year == 0 && month == 0 && day == 0) return true;
  if (out.uncertain && day == 0 && month <= 12) return true;
  return MakeFieldDate(field, year, month, day, out.date) && NotFarAhead(field, out.date);
}

bool ExtractReader::ReadIso(std::string_view line, const Field& field, std::optional<Date>& out) {
  const std::string_view text = Columns(line, field.position, field.length);
  out.reset();
  if (AllOf(text, ' ')) return true;
  if (text.size() != field.length || text[4] != '-' || text[7] != '-' || !AllDigits(text.substr(0, 4)) ||
      !AllDigits(text.substr(5, 2)) || !AllDigits(text.substr(8, 2))) {
    return Fail("DATE_INVALID", field.name, "must be a date written yyyy-MM-dd");
  }
  const int year = Number(text.substr(0, 4));
  const int month = Number(text.substr(5, 2));
  const int day = Number(text.substr(8, 2));
  if (year == 0 && month == 0 && day == 0) return true;
  return MakeFieldDate(field, year, month, day, out);
}

bool ExtractReader::ReadIsoStated(std::string_view line, const Field& field, StatedDate& out) {
  out.uncertain = MarkedUncertain(line, field.position + field.length);
  return ReadIso(line, field, out.date) && NotFarAhead(field, out.date);
}

bool ExtractReader::ReadCpr(std::string_view line, const Field& field, std::optional<CprNumber>& out) {
  const std::string_view text = Columns(line, field.position, field.length);
  out.reset();
  if (AllOf(text, ' ') || (text.size() == field.length && AllOf(text, '0'))) return true;
  auto number = CprNumber::Parse(text, field.name);
  if (!number.ok()) return Fail(BrokenRuleOf(number.status())->rule, field.name, ToStd(number.status().message()));
  out = *number;
  return true;
}

bool ExtractReader::MakeFieldDate(const Field& field, int year, int month, int day, std::optional<Date>& out) {
  if (year < kFirstYear) return Fail("DATE_CENTURY", field.name, "lies before the year 1800");
  out = MakeDate(year, month, day);
  return out || Fail("DATE_INVALID", field.name, "is not a day of the calendar");
}

bool ExtractReader::NotFarAhead(const Field& field, const std::optional<Date>& date) {
  if (state_ == State::kStart || !date || date->year() <= header_.production_date.year() + kYearsAhead) return true;
  return Fail("DATE_CENTURY", field.name, "lies more than 50 years after the production date");
}

bool ExtractReader::NotBeforeBirth(const Field& field, const StatedDate& date) {
  if (!date.date || !birth_year_ || date.date->year() >= *birth_year_) return true;
  return Fail("DATE_BEFORE_BIRTH", field.name, "lies before the person's birth, so it has the wrong century");
}

bool ExtractReader::Fail(std::string_view rule, std::string_view field, std::string_view message) {
  std::string text = "record " + std::to_string(record_number_);
  if (record_type_ >= 0) text += " of type " + TypeName(record_type_);
  text.append(", ").append(field).append(": ").append(message);
  error_ = RuleError(absl::StatusCode::kInvalidArgument, rule, field, text);
  return false;
}

absl::StatusOr<ExtractCounts> ReadExtract(const ChunkSource& source, ExtractVisitor& visitor) {
  ExtractReader reader(visitor);
  while (true) {
    MEDFLYT_ASSIGN_OR_RETURN(const std::string_view chunk, source());
    if (chunk.empty()) break;
    MEDFLYT_RETURN_IF_ERROR(reader.Feed(chunk));
  }
  MEDFLYT_RETURN_IF_ERROR(reader.Finish());
  return reader.counts();
}

absl::Status CheckContinues(const ExtractHeader& header, const std::optional<Date>& last_read) {
  if (!last_read || header.previous_production_date == last_read) return absl::OkStatus();
  return RuleError(
      absl::StatusCode::kFailedPrecondition, "EXTRACT_GAP", "000.previous_production_date",
      "the extract continues that of " +
          (header.previous_production_date ? FormatIsoDate(*header.previous_production_date) : std::string("no day")) +
          ", but the last one read is of " + FormatIsoDate(*last_read));
}

}  // namespace medflyt::registry
