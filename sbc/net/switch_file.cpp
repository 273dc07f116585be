#include "sbc/net/switch_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "sbc/net/operator_words.hpp"
#include "sbc/net/state_folder.hpp"

namespace postern::net {
namespace {

using nlohmann::ordered_json;

constexpr const char* switches_file = "switches";
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

ordered_json end_of(std::int64_t until) { return until > seconds_now() ? ordered_json(time_text(until)) : ordered_json(nullptr); }

}  // namespace

SwitchFile::SwitchFile(std::string folder) : folder_(std::move(folder)) {
  std::ifstream file(std::filesystem::path(folder_) / switches_file);
  constexpr std::size_t most_lines = most_blocks + 2;
  std::string line;
  for (std::size_t lines = 0; lines < most_lines && std::getline(file, line); ++lines) read_line(line);
}

void SwitchFile::read_line(const std::string& line) {
  std::istringstream words(line);
  std::string what, device, scope, until;
  words >> what;
  if (what == "block") words >> device >> scope;
  words >> until;
  const std::int64_t ends = number_in(until);
  const std::int64_t left = ends - seconds_now();
  if (left <= 0) return;
  if (what == "bypass" && left <= longest_switch) standing_.bypass = ends;
  if (what == "lockdown" && left <= longest_switch) standing_.lockdown = ends;
  if (what == "block" && is_device(device) && left <= longest_block) standing_.blocks.push_back({device, scope == "outgoing", ends});
}

bool SwitchFile::write() const {
  std::string text;
  if (standing_.bypass != 0) text += fmt::format("bypass {}\n", standing_.bypass);
  if (standing_.lockdown != 0) text += fmt::format("lockdown {}\n", standing_.lockdown);
  for (const Block& block : standing_.blocks)
    text += fmt::format("block {} {} {}\n", block.device, block.outgoing ? "outgoing" : "all", block.until);
  return StateFolder::write_whole(folder_, switches_file, text);
}

std::shared_ptr<const sbc::Switches> SwitchFile::snapshot(acl::TimePoint now) const {
  const std::int64_t seconds = seconds_now();
  const auto at = [&](std::int64_t until) { return until > seconds ? now + std::chrono::seconds(until - seconds) : acl::TimePoint(); };
  std::vector<sbc::DeviceBlock> blocks;
  blocks.reserve(standing_.blocks.size());
  for (const Block& block : standing_.blocks) blocks.push_back({block.device, block.outgoing, at(block.until)});
  return std::make_shared<const sbc::Switches>(at(standing_.bypass), at(standing_.lockdown), std::move(blocks));
}

ordered_json SwitchFile::json() const {
  ordered_json blocks = ordered_json::array();
  for (const Block& block : standing_.blocks) {
    if (block.until > seconds_now())
      blocks.push_back({{"device", block.device}, {"outgoing", block.outgoing}, {"until", time_text(block.until)}});
  }
  return {{"bypass", end_of(standing_.bypass)}, {"lockdown", end_of(standing_.lockdown)}, {"blocks", std::move(blocks)}};
}

bool SwitchFile::bypass() const { return standing_.bypass > seconds_now(); }

std::optional<std::chrono::seconds> SwitchFile::next_end() const {
  std::vector<std::int64_t> ends{standing_.bypass, standing_.lockdown};
  for (const Block& block : standing_.blocks) ends.push_back(block.until);
  std::erase_if(ends, [now = seconds_now()](std::int64_t end) { return end <= now; });
  if (ends.empty()) return std::nullopt;
  return std::chrono::seconds(*std::ranges::min_element(ends) - seconds_now());
}

AnswerPart SwitchFile::take(Standing next) {
  std::erase_if(next.blocks, [now = seconds_now()](const Block& block) { return block.until <= now; });
  standing_ = std::move(next);
  ordered_json answer = json();
  // An emergency does not wait for a disk.
  if (!write()) answer["warning"] = fmt::format("a restart will not know of it: the state folder {} cannot be written", folder_);
  return whole_answer(answer.dump());
}

AnswerPart SwitchFile::set_bypass(const ControlArguments& arguments) { return set(&Standing::bypass, &Standing::lockdown, arguments); }
AnswerPart SwitchFile::set_lockdown(const ControlArguments& arguments) { return set(&Standing::lockdown, &Standing::bypass, arguments); }

AnswerPart SwitchFile::set(std::int64_t Standing::* which, std::int64_t Standing::* opposite, const ControlArguments& arguments) {
  std::string problem;
  const auto seconds = lasts(arguments, longest_switch, problem);
  if (!seconds) return refusal(problem);
  Standing next = standing_;
  next.*which = *seconds == 0 ? 0 : seconds_now() + *seconds;
  if (*seconds != 0) next.*opposite = 0;
  return take(std::move(next));
}

AnswerPart SwitchFile::set_block(const ControlArguments& arguments) {
  const std::string device = text_in(arguments, "device");
  if (!is_device(device)) return refusal("a device is a user name such as 1001");
  std::string problem;
  const auto seconds = lasts(arguments, longest_block, problem);
  if (!seconds) return refusal(problem);
  Standing next = standing_;
  const auto removed = std::erase_if(next.blocks, [&](const Block& block) { return block.device == device; });
  if (*seconds == 0 && removed == 0) return refusal(fmt::format("{} is not blocked: `postern status` tells who is", device));
  if (*seconds != 0) next.blocks.push_back({device, !text_in(arguments, "outgoing").empty(), seconds_now() + *seconds});
  if (next.blocks.size() > most_blocks) return refusal(fmt::format("there are {} blocked devices already", most_blocks));
  return take(std::move(next));
}

}  // namespace postern::net
