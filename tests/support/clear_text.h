// Looks for what must stand nowhere in clear, in files as a thief would read them.
#pragma once

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/crypto/hash.h"

namespace medflyt::testing {

// A text in the forms that a program may leave it in: as it is, backwards, as hexadecimal digits, as base64 wherever it
// begins, and hashed without a key; a number of digits also packed two to a byte and as a binary number.
inline std::vector<std::string> FormsOf(const std::string& text) {
  std::vector<std::string> forms = {text, std::string(text.rbegin(), text.rend()), HexEncode(text),
                                    std::string(crypto::Sha256(text).bytes()), crypto::Sha256(text).ToHex()};
  for (size_t before = 0; before < 3; ++before) {
    // Whole groups of three bytes of the text itself.
    const std::string shifted = text.substr(before, (text.size() - before) / 3 * 3);
    if (shifted.size() >= 6) forms.push_back(Base64Encode(shifted));
  }
  if (text.size() % 2 == 0 && std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c); })) {
    std::string packed;
    for (size_t i = 0; i < text.size(); i += 2)
      packed.push_back(static_cast<char>((text[i] - '0') << 4 | (text[i + 1] - '0')));
    std::string number;
    AppendU64(number, std::stoull(text));
    number.erase(0, number.find_first_not_of('\0'));
    for (const std::string& form : {packed, number, std::string(number.rbegin(), number.rend())}) forms.push_back(form);
  }
  return forms;
}

// Files below a directory, or that file, in which one of the texts stands in any form: "path: text".
inline std::vector<std::string> FilesInClear(const std::filesystem::path& place,
                                             const std::vector<std::string>& texts) {
  std::vector<std::pair<std::string, std::string>> forms;
  for (const std::string& text : texts) {
    for (std::string& form : FormsOf(text)) forms.emplace_back(std::move(form), text);
  }
  std::vector<std::filesystem::path> files;
  if (std::filesystem::is_regular_file(place)) files.push_back(place);
  if (std::filesystem::is_directory(place)) {
    for (const auto& each : std::filesystem::recursive_directory_iterator(place)) {
      if (each.is_regular_file()) files.push_back(each.path());
    }
  }
  std::vector<std::string> found;
  for (const std::filesystem::path& path : files) {
    std::ifstream in(path, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    for (const auto& [form, text] : forms) {
      if (bytes.find(form) != std::string::npos) found.push_back(path.string() + ": " + text);
    }
  }
  return found;
}

}  // namespace medflyt::testing
