// What is known of the terminal behind an output stream.
#pragma once

#include <string>
#include <string_view>

namespace medflyt::cli {

struct Terminal {
  bool is_terminal = false;
  bool colour = false;
  int columns = 80;  // meaningful for a terminal; else nothing is cut or wrapped to it

  // Of the process's file descriptor. Colour is off where NO_COLOR is set or TERM is "dumb".
  [[nodiscard]] static Terminal Of(int file_descriptor);
};

enum class Style { kHeading, kError };

// `text` in the style's colour where the terminal has colours.
[[nodiscard]] std::string Styled(const Terminal& terminal, Style style, std::string_view text);

// How many columns UTF-8 text takes, counting one for each code point.
[[nodiscard]] size_t DisplayWidth(std::string_view text);
// At most `width` columns of it, ended by "…" where something was cut.
[[nodiscard]] std::string CutToWidth(std::string_view text, size_t width);
// Lines of at most `width` columns, broken at blanks, each begun with `indent` blanks and ended.
[[nodiscard]] std::string Wrapped(std::string_view text, size_t width, size_t indent);

}  // namespace medflyt::cli
