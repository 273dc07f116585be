#include "sbc/net/refusals.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "sbc/net/escape.hpp"
#include "sbc/net/log.hpp"
#include "sbc/net/operator_words.hpp"

namespace postern::net {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t longest_text = 256;  // of one field; the packet has its own bound
constexpr std::size_t run_digits = 4;
constexpr int base = 32;

bool is_refusal(sbc::EventKind kind) {
  using enum sbc::EventKind;
  return kind == refused || kind == refused_other || kind == connection_refused || kind == would_refuse || kind == would_ban ||
         kind == ban || kind == block;
}

std::string bounded_text(std::string_view text) { return std::string(text.substr(0, longest_text)); }

std::string digits(std::uint64_t number) {
  std::string text(13, '0');
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number, base);
  text.resize(error == std::errc{} ? static_cast<std::size_t>(end - text.data()) : 0);
  return text;
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

}  // namespace

std::size_t Refusals::Refusal::bytes() const {
  std::size_t sum = sizeof *this;
  for (const std::string* text :
       {&rule, &file, &country, &method, &device, &user_agent, &call_id, &number, &number_class, &listener, &detail, &message, &packet})
    sum += text->capacity();
  return sum;
}

Refusals::Refusal Refusals::refusal_of(const sbc::Event& event) {
  Refusal refusal;
  refusal.time = seconds_now();
  refusal.kind = event.kind;
  refusal.reason = event.reason;
  refusal.cause = event.cause;
  if (event.at != nullptr) {
    refusal.file = bounded_text(event.at->file);
    refusal.line = event.at->line;
  }
  refusal.source = event.source;
  refusal.count = event.count;
  refusal.packet_bytes = event.packet.size();
  refusal.rule = bounded_text(event.rule);
  refusal.country = bounded_text(event.country);
  refusal.method = bounded_text(event.method);
  refusal.device = bounded_text(event.device);
  refusal.user_agent = bounded_text(event.user_agent);
  refusal.call_id = bounded_text(event.call_id);
  refusal.number = bounded_text(event.number);
  refusal.number_class = bounded_text(event.number_class);
  refusal.listener = bounded_text(event.listener);
  refusal.detail = bounded_text(event.detail);
  refusal.message = bounded_text(event.message);
  refusal.packet = std::string(event.packet.substr(0, most_evidence));
  return refusal;
}

std::string Refusals::remember(const sbc::Event& event) {
  if (!is_refusal(event.kind)) return {};
  Refusal refusal = refusal_of(event);
  const std::scoped_lock hold(lock_);
  bytes_ += refusal.bytes();
  refusals_.push_back(std::move(refusal));
  const std::uint64_t number = first_ + refusals_.size() - 1;
  while (bytes_ > most_ && refusals_.size() > 1) {
    bytes_ -= refusals_.front().bytes();
    refusals_.pop_front();
    ++first_;
  }
  return fmt::format("{:0>4}{}", digits(run_), digits(number));
}

std::size_t Refusals::size() const {
  const std::scoped_lock hold(lock_);
  return refusals_.size();
}

Refusals::Counts Refusals::others_of(const Refusal& refusal) const {
  Counts counts;
  for (const Refusal& other : refusals_) {
    if (&other == &refusal || other.source.address != refusal.source.address) continue;
    if (other.kind == sbc::EventKind::connection_refused)
      ++counts.connections;
    else if (other.cause)
      ++counts.causes.at(static_cast<std::size_t>(*other.cause));
    else
      ++counts.reasons.at(static_cast<std::size_t>(other.reason));
  }
  return counts;
}

ordered_json Refusals::json_of(const Counts& counts) {
  std::map<std::string_view, std::uint64_t> words;  // some have the same
  for (std::size_t i = 0; i < counts.reasons.size(); ++i) words[sbc::outcome_table.at(i).word] += counts.reasons.at(i);
  for (std::size_t i = 0; i < counts.causes.size(); ++i) words[sbc::cause_table.at(i).word] += counts.causes.at(i);
  words[word_of(sbc::EventKind::connection_refused)] += counts.connections;
  ordered_json json = ordered_json::object();
  for (const auto& [word, count] : words) {
    if (count > 0) json[std::string(word)] = count;
  }
  return json;
}

std::optional<Refusals::Found> Refusals::find(std::string_view id, std::string& problem) const {
  const auto run = number_of(id.substr(0, run_digits));
  const auto number = id.size() > run_digits ? number_of(id.substr(run_digits)) : std::nullopt;
  if (!run || !number) {
    problem = fmt::format("\"{}\" is no id of a refusal: the log names them, id=...", escaped_lines(id.substr(0, longest_text)));
    return std::nullopt;
  }
  Refusal refusal;
  Counts others;
  {
    // Workers that refuse wait for it: what takes no look at the others is done behind it.
    const std::scoped_lock hold(lock_);
    if (*run != run_ || *number >= first_ + refusals_.size() || *number == 0) {
      problem = fmt::format("{} is not of this run of the daemon: a restart forgets what was refused before", id);
      return std::nullopt;
    }
    if (*number < first_) {
      problem = fmt::format("{} is forgotten: the last {} refusals are kept", id, refusals_.size());
      return std::nullopt;
    }
    const Refusal& found = refusals_[static_cast<std::size_t>(*number - first_)];
    others = others_of(found);
    refusal = found;
  }
  return Found{refusal.source, json_of(id, refusal, others)};
}

ordered_json Refusals::json_of(std::string_view id, const Refusal& refusal, const Counts& others) {
  std::string_view word, meaning;
  if (refusal.cause) {
    word = sbc::word_of(*refusal.cause);
    meaning = sbc::cause_table.at(static_cast<std::size_t>(*refusal.cause)).help;
  } else if (refusal.kind != sbc::EventKind::connection_refused) {
    word = sbc::info(refusal.reason).word;
    meaning = sbc::info(refusal.reason).help;
  }
  ordered_json json{{"id", id},
                    {"time", time_text(refusal.time)},
                    {"event", word_of(refusal.kind)},
                    {"reason", word},
                    {"meaning", meaning},
                    {"rule", refusal.rule},
                    {"file", nullptr},
                    {"line", nullptr},
                    {"source", refusal.source.to_string()},
                    {"country", refusal.country},
                    {"method", refusal.method},
                    {"device", refusal.device},
                    {"user_agent", refusal.user_agent},
                    {"call_id", refusal.call_id},
                    {"number", refusal.number},
                    {"class", refusal.number_class},
                    {"listener", refusal.listener},
                    {"detail", refusal.detail},
                    {"message", refusal.message},
                    {"strikes", refusal.count},
                    {"of_source", json_of(others)},
                    {"evidence", escaped_lines(refusal.packet)},
                    {"evidence_bytes", refusal.packet_bytes}};
  if (!refusal.file.empty()) {
    json["file"] = refusal.file;
    json["line"] = refusal.line;
  }
  return json;
}

}  // namespace postern::net
