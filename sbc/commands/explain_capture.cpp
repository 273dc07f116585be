#include "sbc/commands/explain_capture.hpp"

#include <fmt/format.h>

#include <array>
#include <iostream>
#include <nlohmann/json.hpp>
#include <ostream>
#include <variant>
#include <vector>

#include "acl/policy.hpp"
#include "config/located.hpp"
#include "sbc/commands/explain_text.hpp"
#include "sbc/explain_capture.hpp"
#include "sbc/net/capture.hpp"
#include "sbc/net/explanation_json.hpp"
#include "sbc/net/state_folder.hpp"

namespace postern::commands {
namespace {

using nlohmann::ordered_json;

/// Which rule decided how often, and what else did.
class Summary {
 public:
  explicit Summary(const acl::Policy& policy) : policy_(policy), decided_(policy.rules().size()) {}

  void count(const sbc::Explanation& explanation) {
    ++verdicts_.at(static_cast<std::size_t>(explanation.verdict));
    if (!explanation.rule)
      ++reasons_.at(static_cast<std::size_t>(explanation.outcome));
    else if (*explanation.rule == acl::Verdict::default_rule)
      ++by_default_;
    else
      ++decided_.at(static_cast<std::size_t>(*explanation.rule));
  }

  void print(std::ostream& out, const sbc::CaptureJudge& judge, const net::CaptureCounts& counts) const {
    using acl::Action;
    const auto of = [this](Action action) { return verdicts_.at(static_cast<std::size_t>(action)); };
    out << fmt::format("{} messages: {} allow, {} drop, {} reject, {} ban\n",
                       of(Action::allow) + of(Action::drop) + of(Action::reject) + of(Action::ban), of(Action::allow), of(Action::drop),
                       of(Action::reject), of(Action::ban));
    print_rules(out, judge);
    const sbc::PassedOver& passed = judge.passed_over();
    out << fmt::format(
        "{} packets in the capture; besides: {} keep-alives, {} not SIP, {} of the PBX to the core port, {} sent by a listener, {} for "
        "other ports\n",
        counts.packets, passed.keep_alives, passed.not_sip, passed.from_pbx, passed.answers, counts.elsewhere + passed.elsewhere);
    const std::uint64_t lost = counts.truncated + counts.unreadable + counts.lost_fragments + counts.broken_streams;
    if (lost != 0)
      out << fmt::format(
          "not to be read: {} cut off by the capture, {} not IP or broken, {} incomplete fragmented packets, {} TCP streams with a gap\n",
          counts.truncated, counts.unreadable, counts.lost_fragments, counts.broken_streams);
    if (reasons_.at(static_cast<std::size_t>(sbc::Outcome::bad_token)) != 0)
      out << "bad_token: calls of a Postern whose key is not in the state folder here, or may not be read; judge them where it runs, as "
             "its user\n";
    if (!counts.ended_by.empty()) out << "the capture ends early: " << config::printable(counts.ended_by) << '\n';
  }

 private:
  void print_rules(std::ostream& out, const sbc::CaptureJudge& judge) const {
    const auto& matches = judge.metrics().rules;
    for (std::size_t i = 0; i < decided_.size(); ++i) {
      const acl::RuleOptions& rule = policy_.rules()[i];
      const std::string place =
          rule.at.file.empty() ? std::string() : fmt::format(" ({}:{})", config::printable(rule.at.file), rule.at.line);
      const std::uint64_t times = rule.log_only ? matches.at(i).matches : decided_[i];
      out << fmt::format("{:>9}  {}{}{}\n", times, config::printable(rule.name), place,
                         rule.log_only ? ", log_only: would have decided" : "");
    }
    out << fmt::format("{:>9}  default_action\n", by_default_);
    for (std::size_t i = 0; i < reasons_.size(); ++i) {
      const sbc::OutcomeInfo& outcome = sbc::outcome_table.at(i);
      if (reasons_.at(i) != 0) out << fmt::format("{:>9}  no rule: {} ({})\n", reasons_.at(i), outcome.word, outcome.help);
    }
  }

  const acl::Policy& policy_;
  std::vector<std::uint64_t> decided_;
  std::uint64_t by_default_ = 0;
  std::array<std::uint64_t, 4> verdicts_{};
  std::array<std::uint64_t, sbc::outcome_count> reasons_{};
};

std::string line_of(const PacketName& packet) {
  return fmt::format("{:>7}  {:<21}  {}", packet.number, packet.source.to_string(), config::printable(packet.method));
}

ordered_json json_of(const PacketName& packet) {
  return {{"packet", packet.number}, {"source", packet.source.to_string()}, {"method", packet.method}};
}

/// The first of two readings.
class Addresses : public net::CaptureSink {
 public:
  bool wants(sbc::Transport /*transport*/, const sbc::Endpoint& /*source*/, const sbc::Endpoint& /*destination*/) override { return true; }
  void on_message(const sbc::SeenMessage& seen) override { own.see(seen); }
  sbc::OwnAddresses own;
};

/// The tokens in it were made by the Postern of this configuration, if its keys may be read here.
sbc::CaptureJudge judge_of(const config::LoadResult& loaded, const sbc::OwnAddresses& own) {
  return {loaded.config.engine, loaded.policy, net::StateFolder::peek(loaded.config.shell.state).value_or(sbc::Secrets{}), own};
}

/// One configuration.
class Verdicts : public net::CaptureSink {
 public:
  Verdicts(const Judging& judging, const sbc::OwnAddresses& own, bool json)
      : json_(json), judge_(judge_of(judging.by, own)), summary_(*judging.by.policy) {
    judge_.set_passes(judging.passes);
  }

  bool wants(sbc::Transport transport, const sbc::Endpoint& source, const sbc::Endpoint& destination) override {
    return judge_.wants(transport, source, destination);
  }

  void on_message(const sbc::SeenMessage& seen) override {
    const auto judged = judge_.judge(seen);
    if (!judged) return;
    summary_.count(judged->explanation);
    const PacketName packet{judged->packet, judged->source, judged->method};
    if (!json_) {
      std::cout << fmt::format("{:<42} {}\n", line_of(packet), in_one_line(net::to_json(judged->explanation)));
      return;
    }
    ordered_json entry = json_of(packet);
    entry.update(net::to_json(judged->explanation));
    array_.add(dump(entry));
  }

  void finish(const net::CaptureCounts& counts) {
    if (json_) array_.finish();
    summary_.print(json_ ? std::cerr : std::cout, judge_, counts);
  }

 private:
  bool json_;
  sbc::CaptureJudge judge_;
  Summary summary_;
  JsonArray array_;
};

/// Two of them, side by side.
class Changes : public net::CaptureSink {
 public:
  Changes(const Judging& before, const Judging& after, const sbc::OwnAddresses& own, bool json)
      : before_(judge_of(before.by, own)), after_(judge_of(after.by, own)), writer_(json) {
    before_.set_passes(before.passes);
    after_.set_passes(after.passes);
  }

  bool wants(sbc::Transport transport, const sbc::Endpoint& source, const sbc::Endpoint& destination) override {
    return before_.wants(transport, source, destination) || after_.wants(transport, source, destination);
  }

  void on_message(const sbc::SeenMessage& seen) override {
    const auto before = before_.judge(seen);
    const auto after = after_.judge(seen);
    if (!before && !after) return;
    const sbc::JudgedMessage& known = before ? *before : *after;
    const auto explanation = [](const std::optional<sbc::JudgedMessage>& judged) {
      return judged ? std::optional(judged->explanation) : std::nullopt;
    };
    writer_.write({known.packet, known.source, known.method}, explanation(before), explanation(after));
  }

  void finish() { writer_.finish(); }

 private:
  sbc::CaptureJudge before_, after_;
  ChangeWriter writer_;
};

std::optional<net::CaptureCounts> read(const std::string& pcap, net::CaptureSink& sink) {
  auto read = net::read_capture(pcap, sink);
  if (auto* counts = std::get_if<net::CaptureCounts>(&read)) return std::move(*counts);
  std::cerr << "postern explain: " << pcap << ": " << config::printable(std::get<std::string>(read)) << '\n';
  return std::nullopt;
}

bool same(const std::optional<sbc::Explanation>& one, const std::optional<sbc::Explanation>& other) {
  if (!one || !other) return !one && !other;
  return one->verdict == other->verdict && one->status == other->status;
}

ordered_json json_or_null(const std::optional<sbc::Explanation>& explanation) {
  return explanation ? net::to_json(*explanation) : ordered_json();
}

std::string line_or_none(const std::optional<sbc::Explanation>& explanation) {
  return explanation ? in_one_line(net::to_json(*explanation)) : "no listener hears it";
}

}  // namespace

void JsonArray::add(const std::string& element) {
  std::cout << (empty_ ? "[\n  " : ",\n  ") << element;
  empty_ = false;
}

void JsonArray::finish() const { std::cout << (empty_ ? "[]\n" : "\n]\n"); }

void ChangeWriter::write(const PacketName& packet, const std::optional<sbc::Explanation>& before,
                         const std::optional<sbc::Explanation>& after) {
  ++packets_;
  if (same(before, after)) return;
  ++changes_;
  if (!json_) {
    std::cout << fmt::format("{}\n    before: {}\n    after:  {}\n", line_of(packet), line_or_none(before), line_or_none(after));
    return;
  }
  ordered_json entry = json_of(packet);
  entry["before"] = json_or_null(before);
  entry["after"] = json_or_null(after);
  array_.add(dump(entry));
}

void ChangeWriter::finish() {
  if (json_)
    array_.finish();
  else
    std::cout << fmt::format("{} of {} verdicts change\n", changes_, packets_);
}

bool explain_capture(const Judging& judging, const std::string& pcap, bool json) {
  Addresses addresses;
  if (!read(pcap, addresses)) return false;
  Verdicts sink(judging, addresses.own, json);
  const auto counts = read(pcap, sink);
  if (counts) sink.finish(*counts);
  return counts.has_value();
}

bool compare_capture(const Judging& before, const Judging& after, const std::string& pcap, bool json) {
  Addresses addresses;
  if (!read(pcap, addresses)) return false;
  Changes sink(before, after, addresses.own, json);
  const auto counts = read(pcap, sink);
  if (counts) sink.finish();
  return counts.has_value();
}

}  // namespace postern::commands
