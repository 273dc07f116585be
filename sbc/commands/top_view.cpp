#include "sbc/commands/top_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string_view>
#include <tuple>
#include <utility>

#include "config/located.hpp"
#include "sbc/commands/daemon.hpp"
#include "sbc/commands/table.hpp"
#include "sbc/metrics.hpp"

namespace postern::commands {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t most_reasons = 5, most_responses = 8;

const ordered_json& member(const ordered_json& json, const std::string& key) {
  static const ordered_json none;
  const auto found = json.find(key);
  return found == json.end() ? none : *found;
}

double number_in(const ordered_json& json, const std::string& key) {
  const ordered_json& value = member(json, key);
  return value.is_number() ? value.get<double>() : 0;
}

double sum_of(const ordered_json& numbers) {
  double sum = 0;
  for (const ordered_json& value : numbers) sum += value.get<double>();
  return sum;
}

// Rates.

double rate_of(double before, double now, double seconds) { return (now - before) / seconds; }

ordered_json rates_of_each(const ordered_json& before, const ordered_json& now, double seconds) {
  ordered_json rates = ordered_json::object();
  for (const auto& [word, count] : now.items()) rates[word] = rate_of(number_in(before, word), count.get<double>(), seconds);
  return rates;
}

/// The upper bound that so much of what was observed lies under; null: under none, or nothing was.
ordered_json quantile(const std::vector<std::uint64_t>& counts, const std::vector<double>& bounds, double part_of_all) {
  double all = 0, sum = 0;
  for (const std::uint64_t count : counts) all += static_cast<double>(count);
  for (std::size_t i = 0; all > 0 && i < std::min(counts.size(), bounds.size()); ++i) {
    sum += static_cast<double>(counts[i]);
    if (sum >= part_of_all * all) return bounds[i];
  }
  return nullptr;
}

ordered_json quantiles(const ordered_json& before, const ordered_json& now) {
  const auto bounds = member(now, "bounds").get<std::vector<double>>();
  auto counts = member(now, "counts").get<std::vector<std::uint64_t>>();
  const auto counts_before = member(before, "counts").get<std::vector<std::uint64_t>>();
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (i < counts_before.size()) counts[i] -= counts_before[i];
    all += counts[i];
  }
  return {{"count", all}, {"p50", quantile(counts, bounds, 0.5)}, {"p99", quantile(counts, bounds, 0.99)}};
}

ordered_json processor_use(const ordered_json& before, const ordered_json& now, double seconds) {
  ordered_json use = ordered_json::array();
  for (std::size_t i = 0; i < std::min(before.size(), now.size()); ++i)
    use.push_back(rate_of(number_in(before[i], "cpu_seconds"), number_in(now[i], "cpu_seconds"), seconds));
  return use;
}

// Words.

/// 150312 as "150,312", 3.25 as "3.3".
std::string amount(double value) {
  constexpr double exact_below = 10, least = 0.05;
  if (value > 0 && value < least) return "<0.1";
  if (value < exact_below && value != static_cast<double>(static_cast<std::uint64_t>(value))) return fmt::format("{:.1f}", value);
  std::string digits = fmt::format("{:.0f}", value);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

/// Without rates: "-".
std::string per_second(const ordered_json& rates, const std::string& key) {
  return rates.is_null() ? "-" : amount(number_in(rates, key)) + "/s";
}

std::string percent(double part_of_all) {
  constexpr double least = 0.005;
  return part_of_all > 0 && part_of_all < least ? "<1 %" : fmt::format("{:.0f} %", 100 * part_of_all);
}

/// A number of a column, below the end of its name.
std::string below(const std::string& name, const std::string& text) { return fmt::format("{:>{}}", text, name.size()); }

/// "half within 5 ms, 99 % within 50 ms": bounds, as nothing finer is counted.
std::string latency(const ordered_json& quantiles) {
  constexpr double milliseconds = 1000;
  if (quantiles.is_null() || number_in(quantiles, "count") == 0) return "-";
  const auto within = [&](const std::string& key) {
    const ordered_json& bound = member(quantiles, key);
    return bound.is_null() ? fmt::format("more than {:g} s", sbc::Histogram::bounds.back())
                           : fmt::format("within {:g} ms", milliseconds * bound.get<double>());
  };
  return fmt::format("half {}, 99 % {}", within("p50"), within("p99"));
}

// Lines.

using Lines = std::vector<ViewLine>;

void add_table(Lines& lines, const std::vector<TableRow>& rows, const std::function<LineStyle(std::size_t)>& style) {
  const std::string text = table(rows);
  std::size_t begin = 0;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const std::size_t end = text.find('\n', begin);
    lines.push_back({text.substr(begin, end - begin), row == 0 ? LineStyle::head : style(row - 1)});
    begin = end + 1;
  }
}

/// Words by rate, then by count, the most first, then by themselves.
std::vector<std::string> busiest(const ordered_json& counts, const ordered_json& rates) {
  std::vector<std::string> words;
  for (const auto& [word, count] : counts.items()) words.push_back(word);
  std::ranges::sort(words, [&](const std::string& a, const std::string& b) {
    return std::tuple(number_in(rates, b), number_in(counts, b), std::string_view(a)) <
           std::tuple(number_in(rates, a), number_in(counts, a), std::string_view(b));
  });
  return words;
}

void add_reasons(Lines& lines, const ordered_json& answer, const std::string& key, const std::string& title, LineStyle style) {
  const ordered_json& counts = member(answer, key);
  const ordered_json& rates = member(member(answer, "rates"), key);
  if (counts.empty()) return;
  const TableRow head{title, "PER SECOND", "SINCE THE START"};
  std::vector<TableRow> rows{head};
  const std::vector<std::string> words = busiest(counts, rates);
  for (std::size_t i = 0; i < std::min(words.size(), most_reasons); ++i)
    rows.push_back({words[i], below(head[1], rates.is_null() ? "-" : amount(number_in(rates, words[i]))),
                    below(head[2], amount(number_in(counts, words[i])))});
  lines.push_back({});
  add_table(lines, rows, [&](std::size_t row) { return number_in(rates, words[row]) > 0 ? style : LineStyle::plain; });
  if (words.size() > most_reasons) lines.push_back({fmt::format("and {} more", words.size() - most_reasons)});
}

/// Who sends, the loudest first, and what became of it.
void add_sources(Lines& lines, const ordered_json& answer) {
  const ordered_json& sources = member(answer, "sources");
  if (sources.empty()) return lines.push_back({"no source stands out"});
  const TableRow head{"SOURCE", "COUNTRY", "PER SECOND", "SHARE", "REFUSED", "MOSTLY"};
  std::vector<TableRow> rows{head};
  for (const ordered_json& source : sources) {
    rows.push_back({cell(source, "address"), cell(source, "country"), below(head[2], amount(number_in(source, "packets_per_second"))),
                    below(head[3], percent(number_in(source, "share"))), below(head[4], percent(number_in(source, "refused"))),
                    cell(source, "outcome")});
  }
  constexpr double most = 0.5;
  add_table(lines, rows,
            [&](std::size_t row) { return number_in(sources[row], "refused") > most ? LineStyle::refused : LineStyle::plain; });
}

std::string countries_line(const ordered_json& countries) {
  std::string text;
  for (const ordered_json& country : countries) {
    if (const double share = number_in(country, "share"); share >= 0.005)
      text += fmt::format("  {} {}", cell(country, "country"), percent(share));
  }
  return text;
}

std::string responses_line(const ordered_json& answer) {
  const ordered_json& rates = member(member(answer, "rates"), "responses");
  std::string text;
  std::size_t left = most_responses;
  for (const std::string& status : busiest(member(answer, "responses"), rates)) {
    if (number_in(rates, status) > 0 && left-- > 0) text += fmt::format("  {} {}/s", status, amount(number_in(rates, status)));
  }
  return text;
}

std::string connections_text(const ordered_json& connections) {
  std::string text;
  for (const auto& [transport, open] : connections.items()) {
    if (open != 0) text += fmt::format("  {} {}", transport, amount(open.get<double>()));
  }
  return text.empty() ? "" : "  connections" + text;
}

std::string pbx_line(const ordered_json& answer) {
  std::string text = "PBX";
  for (const ordered_json& pbx : member(answer, "pbx")) text += fmt::format("  {} {}", cell(pbx, "address"), pbx_state(pbx));
  return text;
}

std::string own_line(const ordered_json& answer) {
  const ordered_json& rates = member(answer, "rates");
  std::string text = "Postern sends on: " + latency(member(rates, "forward_seconds"));
  std::size_t worker = 0;
  for (const ordered_json& use : member(rates, "cpu"))
    text += fmt::format("{} {}", worker++ == 0 ? "  CPU" : " +", percent(use.get<double>()));
  return text;
}

void add_head(Lines& lines, const ordered_json& answer) {
  lines.push_back(
      {fmt::format("postern  up for {}  {}", time_up(static_cast<std::int64_t>(number_in(answer, "uptime_s"))), cell(answer, "time")),
       LineStyle::head});
  for (const ordered_json& warning : member(answer, "warnings")) lines.push_back({"!! " + warning.get<std::string>(), LineStyle::warning});
  const ordered_json& rates = member(answer, "rates");
  lines.push_back({fmt::format("packets  received {}  forwarded {}  refused {}", per_second(rates, "received"),
                               per_second(rates, "forwarded"), rates.is_null() ? "-" : amount(sum_of(member(rates, "refused"))) + "/s")});
  lines.push_back(
      {fmt::format("now  registrations {}  calls {}  bans {}  blocked accounts {}{}", amount(number_in(answer, "registrations")),
                   amount(number_in(answer, "calls")), amount(number_in(answer, "bans")), amount(number_in(answer, "blocks")),
                   connections_text(member(answer, "connections")))});
  lines.push_back({pbx_line(answer)});
  lines.push_back({"PBX answers: " + latency(member(rates, "pbx_response_seconds"))});
  lines.push_back({own_line(answer)});
}

void add_line(Lines& lines, const std::string& title, const std::string& text) {
  if (!text.empty()) lines.push_back({title + text});
}

}  // namespace

ordered_json with_rates(const ordered_json& before, const ordered_json& now) {
  ordered_json out = now;
  out["rates"] = nullptr;
  const double seconds = number_in(now, "uptime_s") - number_in(before, "uptime_s");
  if (before.is_null() || seconds <= 0 || number_in(now, "received") < number_in(before, "received")) return out;
  ordered_json rates{{"seconds", seconds}};
  for (const char* key : {"received", "forwarded", "answered"}) rates[key] = rate_of(number_in(before, key), number_in(now, key), seconds);
  for (const char* key : {"refused", "would_refuse", "responses"})
    rates[key] = rates_of_each(member(before, key), member(now, key), seconds);
  for (const char* key : {"pbx_response_seconds", "forward_seconds"}) rates[key] = quantiles(member(before, key), member(now, key));
  rates["cpu"] = processor_use(member(before, "workers"), member(now, "workers"), seconds);
  out["rates"] = std::move(rates);
  return out;
}

std::vector<ViewLine> view_of(const ordered_json& answer) {
  Lines lines;
  add_head(lines, answer);
  add_line(lines, "responses to phones ", responses_line(answer));
  add_reasons(lines, answer, "refused", "REFUSED", LineStyle::refused);
  add_reasons(lines, answer, "would_refuse", "ONLY COUNTED", LineStyle::plain);
  lines.push_back({});
  add_line(lines, "countries", countries_line(member(answer, "countries")));
  add_sources(lines, answer);
  return lines;
}

namespace {

constexpr std::string_view reset_code = "\x1b[0m";

std::string_view code_of(LineStyle style) {
  switch (style) {
    case LineStyle::head:
      return "\x1b[1m";
    case LineStyle::warning:
      return "\x1b[1;31m";
    case LineStyle::refused:
      return "\x1b[33m";
    case LineStyle::plain:
      break;
  }
  return "";
}

/// So many characters of a printable text.
std::string_view cut(std::string_view text, std::size_t characters) {
  const auto begins_one = [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; };
  std::size_t end = 0;
  for (; end < text.size(); ++end) {
    if (begins_one(text[end]) && characters-- == 0) break;
  }
  return text.substr(0, end);
}

void append_line(std::string& out, std::string_view text, LineStyle style, bool colour) {
  const std::string_view code = colour ? code_of(style) : std::string_view();
  out.append(code).append(text).append(code.empty() ? "" : reset_code);
}

}  // namespace

std::string plain_text(const std::vector<ViewLine>& lines, bool colour) {
  std::string out;
  for (const ViewLine& line : lines) {
    append_line(out, config::printable(line.text), line.style, colour);
    out += '\n';
  }
  return out;
}

std::string screen_text(const std::vector<ViewLine>& lines, const ScreenSize& size, bool colour) {
  constexpr std::string_view home = "\x1b[H", to_line_end = "\x1b[K", to_screen_end = "\x1b[J";
  std::string out(home);
  for (std::size_t row = 0; row < std::min(lines.size(), size.rows); ++row) {
    if (row > 0) out += "\r\n";
    append_line(out, cut(config::printable(lines[row].text), size.columns), lines[row].style, colour);
    out += to_line_end;
  }
  return out.append(to_screen_end);
}

}  // namespace postern::commands
