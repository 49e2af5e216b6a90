#!/usr/bin/env python3
"""Writes an invented CPR Direkte extract: ISO 8859-1, in the layout that the civil registry sends to municipalities.

Persons come on standard input, one JSON object a line (empty lines and lines beginning with # are skipped):

  {"cpr": "6101901000", "from": "0461", "to": "0450", "date": "2026-11-20"}

  cpr        replacement number (the day of birth has 60 added), so that it can belong to nobody; required
  to         municipality of residence; none: no current address
  from       municipality left, where the person moved between municipalities
  date       the day from which "to" is the residence
  uncertain  true: the date is marked uncertain
  road       road code, four digits (default 0001; from 9900 on special)
  status     default 01; 03 special road code, 60 changed number, 70 disappeared, 80 emigrated, 90 dead
  protected  name-and-address protection: true (since the day before production) or [from, to], "to" may be null
  current    the number in use now, where this one was changed (with status 60)
  former     the number that this one replaced, from "date" on
  country    four digits: the person went abroad there on "date"
  history    earlier addresses: [{"municipality": "0461", "in": "2020-01-01", "out": "2026-11-20", "mark": "A"}],
             mark A annulled, K corrected, or none
  events     codes of what happened, such as ["A01"] (move) or ["A09"] (annulled); default A01 where "from" is given
  name       default "Invented Person"

  make_extract.py --production 2026-11-21 [--previous 2026-11-20] [--output FILE] < persons
"""

import argparse
import datetime
import json
import sys

KEYS = {"cpr", "to", "from", "date", "uncertain", "road", "status", "protected", "current", "former", "country",
        "history", "events", "name"}
NOON = "1200"


class Wrong(Exception):
    """What is wrong with the input, for the user to read."""


def parse_date(text):
    try:
        return datetime.date.fromisoformat(text)
    except (TypeError, ValueError):
        raise Wrong(f"not a date, yyyy-MM-dd: {text!r}") from None


def compact(date):
    return date.strftime("%Y%m%d") if date else "0" * 8


def moment(text):
    return compact(parse_date(text)) + NOON if text else "0" * 12


def replacement_number(number):
    if not isinstance(number, str) or len(number) != 10 or not number.isdigit() or not 61 <= int(number[:2]) <= 91:
        raise Wrong("cpr, current and former must be replacement numbers: ten digits, 60 added to the day of birth")
    return number


def code(value, name, digits=4):
    if not isinstance(value, str) or len(value) != digits or not value.isdigit():
        raise Wrong(f"{name} must be text of {digits} digits")
    return value


def record(kind, number, *fields):
    """A line with fields at positions counted from 1, trailing blanks cut."""
    line = kind + number
    for position, text in fields:
        line = line.ljust(position - 1)
        if len(line) != position - 1:
            raise Wrong(f"the field before position {position} of record {kind} is too long")
        line += text
    return line.rstrip(" ")


def person_records(person, production):
    unknown = set(person) - KEYS
    if unknown:
        raise Wrong("unknown keys: " + ", ".join(sorted(unknown)))
    number = replacement_number(person.get("cpr"))
    date = moment(person.get("date"))
    mark = "*" if person.get("uncertain") else " "
    status = code(person.get("status", "01"), "status", 2)
    current = replacement_number(person["current"]) if "current" in person else ""

    lines = [record("001", number, (14, current), (24, status), (26, "0" * 12))]
    if "to" in person:
        left = code(person.get("from", "0000"), "from")
        lines.append(record("002", number, (14, code(person["to"], "to")), (18, code(person.get("road", "0001"), "road")),
                            (70, date), (83, date), (95, mark), (96, left),
                            (100, date if left != "0000" else "0" * 12), (113, "0000")))
    protected = person.get("protected")
    if protected:
        since, until = (production - datetime.timedelta(days=1)).isoformat(), None
        if protected is not True:
            since, until = protected
        lines.append(record("004", number, (14, "0001"), (18, parse_date(since).isoformat()),
                            (28, parse_date(until).isoformat() if until else "")))
    if "country" in person:
        lines.append(record("005", number, (14, code(person["country"], "country")), (18, date)))
    if status == "70":
        lines.append(record("007", number, (14, date)))
    lines.append(record("008", number, (14, person.get("name", "Invented Person"))))
    if "former" in person:
        changed = parse_date(person.get("date")).isoformat()
        lines.append(record("022", number, (14, replacement_number(person["former"])), (35, changed)))
    for address in person.get("history", []):
        lines.append(record("023", number, (14, address.get("mark", " ")),
                            (15, code(address["municipality"], "municipality")), (71, moment(address.get("in"))),
                            (84, moment(address.get("out")))))
    for event in person.get("events", ["A01"] if "from" in person else []):
        lines.append(record("099", number, (14, compact(production) + NOON), (26, event)))
    return lines


def extract(persons, production, previous):
    lines = []
    for number, text in enumerate(persons, 1):
        if not text.strip() or text.startswith("#"):
            continue
        try:
            lines += person_records(json.loads(text), production)
        except (Wrong, ValueError, KeyError, TypeError, AttributeError) as error:
            raise Wrong(f"line {number}: {error}") from None
    start = "000" + "0" * 10 + "110901" + compact(production) + compact(previous)
    end = "999" + "9" * 10 + f"{len(lines):08d}"
    return "\n".join([start, *lines, end]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--production", required=True, metavar="DATE", help="production date, yyyy-MM-dd")
    parser.add_argument("--previous", metavar="DATE", help="previous production date; none: a first extract")
    parser.add_argument("--output", metavar="FILE", help="write there instead of to standard output")
    arguments = parser.parse_args()
    try:
        production = parse_date(arguments.production)
        previous = parse_date(arguments.previous) if arguments.previous else None
        text = extract(sys.stdin, production, previous).encode("iso-8859-1")
    except (Wrong, UnicodeEncodeError) as error:
        print(f"make_extract.py: {error}", file=sys.stderr)
        return 2
    if arguments.output:
        with open(arguments.output, "wb") as file:
            file.write(text)
    else:
        sys.stdout.buffer.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
