#include "sbc/net/switch_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string_view>
#include <utility>

#include "sbc/net/operator_words.hpp"
#include "sbc/net/state_folder.hpp"

namespace postern::net {
namespace {

using nlohmann::ordered_json;

constexpr const char* switches_file = "switches";
constexpr std::string_view of_all = "all", of_outgoing = "outgoing";
constexpr std::int64_t a_day = 86'400;
constexpr std::int64_t longest_switch = 7 * a_day;  // an edge that is open, or shut, for good is a matter of the configuration
constexpr std::int64_t longest_block = 400 * a_day;

/// How long it is to last, in seconds; 0: it is switched off; nullopt: `problem` says what is wrong.
std::optional<std::int64_t> lasts(const ControlArguments& arguments, std::int64_t longest, std::string& problem) {
  if (!text_in(arguments, "off").empty()) return 0;
  const std::int64_t seconds = number_in(text_in(arguments, "for"));
  if (seconds >= 1 && seconds <= longest) return seconds;
  problem = fmt::format("it lasts from one second to {} days", longest / a_day);
  return std::nullopt;
}

}  // namespace

SwitchFile::SwitchFile(std::string folder, std::function<std::int64_t()> time) : folder_(std::move(folder)), time_(std::move(time)) {
  std::istringstream lines(StateFolder::read_whole(folder_, switches_file).value_or(std::string()));
  constexpr std::size_t most_lines = most_blocks + 2;
  std::string line;
  for (std::size_t read = 0; read < most_lines && std::getline(lines, line); ++read) read_line(line);
}

void SwitchFile::read_line(const std::string& line) {
  std::istringstream words(line);
  std::string what, device, scope, until;
  words >> what;
  if (what == "block") words >> device >> scope;
  words >> until;
  const std::int64_t ends = number_in(until), now = time_();
  const auto lasts_at_most = [&](std::int64_t longest) { return ends > now && ends <= now + longest; };
  if (what == "bypass" && lasts_at_most(longest_switch)) standing_.bypass = ends;
  if (what == "lockdown" && lasts_at_most(longest_switch)) standing_.lockdown = ends;
  const bool known = scope == of_all || scope == of_outgoing;
  if (what == "block" && is_device(device) && known && lasts_at_most(longest_block))
    standing_.blocks.push_back({device, scope == of_outgoing, ends});
}

std::string SwitchFile::text() const {
  std::string text;
  if (standing_.bypass != 0) text += fmt::format("bypass {}\n", standing_.bypass);
  if (standing_.lockdown != 0) text += fmt::format("lockdown {}\n", standing_.lockdown);
  for (const Block& block : standing_.blocks)
    text += fmt::format("block {} {} {}\n", block.device, block.outgoing ? of_outgoing : of_all, block.until);
  return text;
}

std::string SwitchFile::write(const std::string& folder, const std::string& text) {
  if (StateFolder::write_whole(folder, switches_file, text)) return {};
  return fmt::format("a restart will not know of it: the state folder {} cannot be written", folder);
}

std::shared_ptr<const sbc::Switches> SwitchFile::snapshot(acl::TimePoint now) const {
  const std::int64_t seconds = time_();
  const auto at = [&](std::int64_t until) { return until > seconds ? now + std::chrono::seconds(until - seconds) : acl::TimePoint(); };
  std::vector<sbc::DeviceBlock> blocks;
  blocks.reserve(standing_.blocks.size());
  for (const Block& block : standing_.blocks) blocks.push_back({block.device, block.outgoing, at(block.until)});
  return std::make_shared<const sbc::Switches>(at(standing_.bypass), at(standing_.lockdown), std::move(blocks));
}

ordered_json SwitchFile::json() const {
  const std::int64_t now = time_();
  const auto end_of = [now](std::int64_t until) { return until > now ? ordered_json(time_text(until)) : ordered_json(nullptr); };
  ordered_json blocks = ordered_json::array();
  for (const Block& block : standing_.blocks) {
    if (block.until > now) blocks.push_back({{"device", block.device}, {"outgoing", block.outgoing}, {"until", time_text(block.until)}});
  }
  return {{"bypass", end_of(standing_.bypass)}, {"lockdown", end_of(standing_.lockdown)}, {"blocks", std::move(blocks)}};
}

bool SwitchFile::bypass() const { return standing_.bypass > time_(); }

std::optional<std::chrono::seconds> SwitchFile::next_end() const {
  std::vector<std::int64_t> ends{standing_.bypass, standing_.lockdown};
  for (const Block& block : standing_.blocks) ends.push_back(block.until);
  const std::int64_t now = time_();
  std::erase_if(ends, [now](std::int64_t end) { return end <= now; });
  if (ends.empty()) return std::nullopt;
  return std::chrono::seconds(*std::ranges::min_element(ends) - now);
}

SwitchFile::Changes SwitchFile::take_ended() {
  const std::int64_t now = time_();
  Changes ended;
  for (const auto& [what, which] : both) {
    if (standing_.*which == 0 || standing_.*which > now) continue;
    standing_.*which = 0;
    ended.push_back({what, {}, 0});
  }
  std::erase_if(standing_.blocks, [&](const Block& block) {
    if (block.until > now) return false;
    ended.push_back({"block", block.device, 0});
    return true;
  });
  return ended;
}

SwitchFile::Result SwitchFile::set_bypass(const ControlArguments& arguments) { return set(0, arguments); }
SwitchFile::Result SwitchFile::set_lockdown(const ControlArguments& arguments) { return set(1, arguments); }

SwitchFile::Result SwitchFile::set(std::size_t index, const ControlArguments& arguments) {
  std::string problem;
  const auto seconds = lasts(arguments, longest_switch, problem);
  if (!seconds) return problem;
  const auto& [what, which] = both.at(index);
  const auto& [other_what, other] = both.at(1 - index);
  const std::int64_t until = *seconds == 0 ? 0 : time_() + *seconds;
  Changes changes;
  if (std::exchange(standing_.*which, until) != 0 || until != 0) changes.push_back({what, {}, until});
  if (*seconds != 0 && std::exchange(standing_.*other, 0) != 0) changes.push_back({other_what, {}, 0});
  return changes;
}

SwitchFile::Result SwitchFile::set_block(const ControlArguments& arguments) {
  const std::string device = text_in(arguments, "device");
  if (!is_device(device)) return "a device is a user name such as 1001";
  std::string problem;
  const auto seconds = lasts(arguments, longest_block, problem);
  if (!seconds) return problem;
  const auto found = std::ranges::find(standing_.blocks, device, &Block::device);
  const bool stands = found != standing_.blocks.end();
  if (*seconds == 0 && !stands) return fmt::format("{} is not blocked: `postern status` tells who is", device);
  if (!stands && standing_.blocks.size() >= most_blocks) return fmt::format("there are {} blocked devices already", most_blocks);
  if (stands) standing_.blocks.erase(found);
  const std::int64_t until = *seconds == 0 ? 0 : time_() + *seconds;
  if (until != 0) standing_.blocks.push_back({device, !text_in(arguments, "outgoing").empty(), until});
  return Changes{{"block", device, until}};
}

}  // namespace postern::net
