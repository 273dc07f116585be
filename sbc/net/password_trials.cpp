#include "sbc/net/password_trials.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>
#include <utility>

#include "sbc/net/state_folder.hpp"
#include "sbc/net/state_record.hpp"
#include "sbc/net/thread_name.hpp"

namespace postern::net {
namespace {

constexpr std::string_view file_name = "/weak_passwords.json";

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// Nothing that the file says is believed unless it makes sense.
sbc::WeakVerdicts verdicts_in(const std::string& text, const Clocks& clocks) {
  sbc::WeakVerdicts verdicts;
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_array()) return verdicts;
  for (const auto& entry : json) {
    if (!entry.is_object() || verdicts.size() == sbc::WeakPasswords::most_weak) continue;
    const auto kind = sbc::weak_kind_of_word(entry.value("kind", std::string()));
    const std::string account = entry.value("account", std::string());
    if (!kind || account.empty() || account.size() > sbc::WatchedDigest::longest_text) continue;
    verdicts[account] = {*kind, clocks.to_steady(std::min(entry.value("since", WallTime{0}), clocks.wall))};
  }
  return verdicts;
}

}  // namespace

PasswordTrials::PasswordTrials(sbc::WeakPasswords& accounts, std::string folder, Log& log, std::function<void(Alert)> tell)
    : accounts_(accounts), folder_(std::move(folder)), log_(log), tell_(std::move(tell)) {
  // It is never taken back: where one worker has thrown, another may be in it still.
  accounts_.on_waiting([waker = waker_] {
    {
      const std::scoped_lock hold(waker->lock);
      waker->woken = true;
    }
    waker->wake.notify_one();
  });
}

void PasswordTrials::start() {
  restore();
  thread_ = std::jthread([this](const std::stop_token& stop) {
    name_this_thread("postern/weak");
    run(stop);
  });
}

void PasswordTrials::restore() {
  if (folder_.empty()) return;
  try {
    accounts_.restore(verdicts_in(text_of(folder_ + std::string(file_name)), Clocks::read()));
  } catch (const nlohmann::json::exception&) {  // a value of another type: it is none of ours
    accounts_.restore({});
  }
}

void PasswordTrials::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    while (const auto digest = stop.stop_requested() ? std::nullopt : accounts_.take()) look_at(*digest);
    std::unique_lock hold(waker_->lock);
    waker_->wake.wait(hold, stop, [this] { return waker_->woken; });
    waker_->woken = false;
  }
}

void PasswordTrials::look_at(const sbc::WatchedDigest& digest) {
  const auto kind = sbc::weak_kind_of(digest);
  if (!accounts_.judged(digest.username, kind, acl::Clock::now())) return;
  keep();
  if (!kind) {
    log_.write(LogLevel::info, "weak_password_gone", {{"device", digest.device}, {"account", digest.username}});
    return;
  }
  const std::string message =
      fmt::format("its password {}: give the extension a long random one on the PBX, and the phone the same", sbc::info(*kind).meaning);
  log_.write(LogLevel::warning, "weak_password",
             {{"detail", sbc::info(*kind).word}, {"device", digest.device}, {"account", digest.username}, {"message", message}});
  if (tell_) tell_(weak_password_alert(digest.username, digest.device, sbc::info(*kind).word, message));
}

void PasswordTrials::keep() const {
  if (folder_.empty()) return;
  const Clocks clocks = Clocks::read();
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const auto& [account, verdict] : accounts_.verdicts())
    json.push_back({{"account", account}, {"kind", sbc::info(verdict.kind).word}, {"since", clocks.to_wall(verdict.since)}});
  const std::string text = json.dump(1, ' ', true, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  if (StateFolder::write_whole(folder_, std::string(file_name.substr(1)), text)) return;
  const std::string error = std::generic_category().message(errno);
  log_.write(LogLevel::warning, "state",
             {{"folder", folder_},
              {"file", file_name.substr(1)},
              {"error", error},
              {"message", "cannot be written: after a restart it is found out anew whose password is weak"}});
}

}  // namespace postern::net
