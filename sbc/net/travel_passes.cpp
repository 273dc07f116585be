#include "sbc/net/travel_passes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "sbc/net/operator_words.hpp"
#include "sbc/net/state_folder.hpp"

namespace postern::net {
namespace {

using nlohmann::ordered_json;

constexpr const char* file_name = "passes";
constexpr std::int64_t longest_pass = 400 * std::int64_t{86'400};  // a pass that nobody remembers is a hole

std::filesystem::path file_in(const std::string& folder) { return std::filesystem::path(folder) / file_name; }

}  // namespace

TravelPassFile::TravelPassFile(std::string folder) : folder_(std::move(folder)) {
  const std::int64_t latest = seconds_now() + longest_pass;
  std::istringstream file(StateFolder::read_whole(folder_, file_name).value_or(std::string()));
  for (std::string line; passes_.size() < most && std::getline(file, line);) {
    std::istringstream words(line);
    std::string device, country, until;
    words >> device >> country >> until;
    const auto where = acl::Country::parse(country);
    const std::int64_t ends = number_in(until);
    if (is_device(device) && where && ends > 0 && ends <= latest) passes_.push_back({device, *where, ends});
  }
  forget_ended();
}

void TravelPassFile::forget_ended() {
  std::erase_if(passes_, [now = seconds_now()](const Pass& pass) { return pass.until <= now; });
}

bool TravelPassFile::write() const {
  std::string text;
  for (const Pass& pass : passes_) text += fmt::format("{} {} {}\n", pass.device, pass.country.to_string(), pass.until);
  return StateFolder::write_whole(folder_, file_name, text);
}

std::shared_ptr<const acl::TravelPasses> TravelPassFile::snapshot(acl::TimePoint now) const {
  const std::int64_t seconds = seconds_now();
  std::vector<acl::TravelPass> passes;
  passes.reserve(passes_.size());
  for (const Pass& pass : passes_) passes.push_back({pass.device, pass.country, now + std::chrono::seconds(pass.until - seconds)});
  return std::make_shared<const acl::TravelPasses>(std::move(passes));
}

AnswerPart TravelPassFile::list() const {
  ordered_json all = ordered_json::array();
  for (const Pass& pass : passes_) {
    if (pass.until > seconds_now())
      all.push_back({{"device", pass.device}, {"country", pass.country.to_string()}, {"until", time_text(pass.until)}});
  }
  return whole_answer(all.dump());
}

AnswerPart TravelPassFile::add(const ControlArguments& arguments) {
  const std::string device = text_in(arguments, "device");
  const auto country = acl::Country::parse(text_in(arguments, "country"));
  const std::int64_t lasts = number_in(text_in(arguments, "for"));
  if (!is_device(device)) return refusal("a device is a user name such as 1001");
  if (!country || *country == acl::Country::private_ || *country == acl::Country::unknown)
    return refusal("a country is two letters such as JP");
  if (lasts <= 0 || lasts > longest_pass) return refusal("a pass lasts at most 400 days");
  forget_ended();
  std::vector<Pass> before = passes_;
  std::erase_if(passes_, [&](const Pass& pass) { return pass.device == device && pass.country == *country; });
  if (passes_.size() >= most) return refusal("there are a thousand passes already");
  passes_.push_back({device, *country, seconds_now() + lasts});
  if (!write()) {
    passes_ = std::move(before);
    return refusal("the state folder cannot be written: " + file_in(folder_).string());
  }
  const Pass& pass = passes_.back();
  return whole_answer(
      ordered_json{{"device", pass.device}, {"country", pass.country.to_string()}, {"until", time_text(pass.until)}}.dump());
}

AnswerPart TravelPassFile::remove(const ControlArguments& arguments) {
  const std::string device = text_in(arguments, "device");
  const std::string country = text_in(arguments, "country");
  const auto where = acl::Country::parse(country);
  if (!country.empty() && !where) return refusal("a country is two letters such as JP");
  std::vector<Pass> before = passes_;
  const auto removed =
      std::erase_if(passes_, [&](const Pass& pass) { return pass.device == device && (!where || pass.country == *where); });
  if (removed == 0) return refusal("no such pass: `postern allow list` tells which there are");
  if (!write()) {
    passes_ = std::move(before);
    return refusal("the state folder cannot be written: " + file_in(folder_).string());
  }
  return whole_answer(ordered_json{{"removed", removed}}.dump());
}

}  // namespace postern::net
