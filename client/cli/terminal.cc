#include "client/cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

namespace medflyt::cli {
namespace {

bool BeginsCodePoint(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

}  // namespace

Terminal Terminal::Of(int file_descriptor) {
  Terminal terminal;
  terminal.is_terminal = isatty(file_descriptor) == 1;
  if (!terminal.is_terminal) return terminal;
  const char* no_colour = std::getenv("NO_COLOR");
  const char* kind = std::getenv("TERM");
  terminal.colour = (no_colour == nullptr || *no_colour == '\0') && kind != nullptr && std::string_view(kind) != "dumb";
  winsize size{};
  if (ioctl(file_descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) terminal.columns = size.ws_col;
  return terminal;
}

std::string Styled(const Terminal& terminal, Style style, std::string_view text) {
  if (!terminal.colour) return std::string(text);
  return (style == Style::kHeading ? "\x1b[1m" : "\x1b[31m") + std::string(text) + "\x1b[0m";
}

size_t DisplayWidth(std::string_view text) {
  size_t width = 0;
  for (const char c : text) width += BeginsCodePoint(c) ? 1U : 0U;
  return width;
}

std::string CutToWidth(std::string_view text, size_t width) {
  if (DisplayWidth(text) <= width) return std::string(text);
  if (width == 0) return {};
  size_t end = 0;
  for (size_t columns = 0; end < text.size(); ++end) {
    if (BeginsCodePoint(text[end]) && ++columns == width) break;
  }
  return std::string(text.substr(0, end)) + "…";
}

std::string Wrapped(std::string_view text, size_t width, size_t indent) {
  std::string lines;
  std::string line;
  const auto end_line = [&] {
    lines += std::string(indent, ' ') + line + "\n";
    line.clear();
  };
  while (!text.empty()) {
    const size_t end = text.find_first_of(" \n");
    const std::string_view word = text.substr(0, end);
    if (!line.empty() && indent + DisplayWidth(line) + 1 + DisplayWidth(word) > width) end_line();
    if (!line.empty() && !word.empty()) line += ' ';
    line += word;
    if (end == std::string_view::npos) break;
    if (text[end] == '\n') end_line();
    text.remove_prefix(end + 1);
  }
  if (!line.empty()) end_line();
  return lines;
}

}  // namespace medflyt::cli
