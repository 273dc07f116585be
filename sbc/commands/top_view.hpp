// What `postern top` shows of the daemon's answers: pure text.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace postern::commands {

enum class LineStyle { plain, head, warning, refused };

struct ViewLine {
  std::string text;
  LineStyle style = LineStyle::plain;
};

struct ScreenSize {
  std::size_t columns = 80, rows = 24;
};

/// `now` with `rates`: what went on between two answers, per second; null if `before` is none (null) or of another run of the daemon.
nlohmann::ordered_json with_rates(const nlohmann::ordered_json& before, const nlohmann::ordered_json& now);

/// What is most urgent first: warnings, rates, what is refused and who sends. Of an answer with rates.
std::vector<ViewLine> view_of(const nlohmann::ordered_json& answer);

/// As text, each line printable and ended by a line feed.
std::string plain_text(const std::vector<ViewLine>& lines, bool colour);
/// As one screenful that is written over the one before: cut to its size, what does not fit is left out.
std::string screen_text(const std::vector<ViewLine>& lines, const ScreenSize& size, bool colour);

}  // namespace postern::commands
