#include "sbc/net/dynamic_names.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "sbc/net/name_lookup.hpp"
#include "sbc/net/state_folder.hpp"
#include "sbc/net/thread_name.hpp"

namespace postern::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds retry{10'000};  // of what failed, where it is not to be asked again sooner
constexpr const char* file_name = "names";
constexpr std::size_t most_dynamic_names = 1000;  // of the file

std::filesystem::path file_in(const std::string& folder) { return std::filesystem::path(folder) / file_name; }

std::string joined(const std::vector<acl::Address>& addresses) {
  std::string text;
  for (const acl::Address& address : addresses) text.append(text.empty() ? "" : " ").append(address.to_string());
  return text;
}

}  // namespace

/// What is under way, each name once.
class DynamicNames::Lookups {
 public:
  using Take = std::function<void(const std::string& name, const std::string& problem, std::vector<acl::Address> addresses)>;

  explicit Lookups(Take take) : take_(std::move(take)) {}

  void begin(const std::string& name) { under_way_.try_emplace(name, name); }
  [[nodiscard]] bool any() const { return !under_way_.empty(); }
  [[nodiscard]] bool has(const std::string& name) const { return under_way_.contains(name); }

  /// Waits a moment for answers and hands on those that are there.
  void poll() {
    std::vector<pollfd> polled;
    milliseconds wait = NameLookup::longest_poll;
    for (auto& [name, lookup] : under_way_) wait = std::min(wait, lookup.wait_with(polled));
    ::poll(polled.data(), polled.size(), static_cast<int>(wait.count()));
    for (auto& [name, lookup] : under_way_) lookup.process(polled);
    std::erase_if(under_way_, [this](const auto& each) {
      const auto& [name, lookup] = each;
      if (lookup.done()) take_(name, lookup.problem(), lookup.addresses());
      return lookup.done();
    });
  }

 private:
  Take take_;
  std::map<std::string, NameLookup> under_way_;
};

DynamicNames::DynamicNames(std::string folder, NameAnswers kept, Log& log, std::function<void()> changed)
    : folder_(std::move(folder)), log_(log), changed_(std::move(changed)), answers_(std::move(kept)) {}
DynamicNames::~DynamicNames() = default;

NameAnswers DynamicNames::read(const std::string& folder) {
  NameAnswers answers;
  std::ifstream file(file_in(folder));
  for (std::string line; answers.size() < most_dynamic_names && std::getline(file, line);) {
    std::istringstream words(line);
    std::string name, text;
    words >> name;
    std::vector<acl::Address> addresses;
    while (words >> text && addresses.size() < NameLookup::most_addresses) {
      if (const auto address = acl::Address::parse(text)) addresses.push_back(*address);
    }
    if (!addresses.empty()) answers[name] = std::move(addresses);
  }
  return answers;
}

/// Not under the mutex: nobody waits for the disk. That it cannot be written is what `event=state` tells of the folder anyway.
void DynamicNames::write() const {
  std::string text;
  for (const auto& [name, addresses] : answers()) text += name + ' ' + joined(addresses) + '\n';
  static_cast<void>(StateFolder::write_whole(folder_, file_name, text));
}

void DynamicNames::apply(const std::vector<DynamicName>& names) {
  {
    const std::lock_guard lock(mutex_);
    std::map<std::string, Asked> asked;
    for (const DynamicName& name : names) {
      const auto known = names_.find(name.host);
      Asked& each = asked[name.host];
      if (known != names_.end()) each = known->second;
      each.refresh = name.refresh;
      if (known != names_.end()) each.due = std::min(each.due, steady_clock::now() + name.refresh);
    }
    names_ = std::move(asked);
  }
  wake_.notify_one();
  if (!names.empty() && !thread_.joinable()) thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

NameAnswers DynamicNames::answers() const {
  const std::lock_guard lock(mutex_);
  return answers_;
}

void DynamicNames::take(const std::string& name, const std::string& problem, std::vector<acl::Address> addresses) {
  bool differs = false;
  {
    const std::lock_guard lock(mutex_);
    const auto asked = names_.find(name);
    if (asked == names_.end()) return;
    const bool failed = addresses.empty();
    const bool told = std::exchange(asked->second.failing, failed);
    if (failed) {
      asked->second.due = steady_clock::now() + std::min(asked->second.refresh, retry);
      if (told) return;
      const auto last = answers_.find(name);
      log_.write(LogLevel::warning, "name_not_found",
                 {{"name", name},
                  {"error", problem.empty() ? "it has no address" : problem},
                  {"message", last == answers_.end() ? "it has never had an address: rules that name its network match nobody there"
                                                     : "its last address holds until there is another: " + joined(last->second)}});
      return;
    }
    std::vector<acl::Address>& last = answers_[name];
    differs = last != addresses;
    if (differs || told) log_.write(LogLevel::info, "name_found", {{"name", name}, {"address", joined(addresses)}});
    last = std::move(addresses);
  }
  if (!differs) return;
  write();
  changed_();
}

void DynamicNames::run(const std::stop_token& stop) {
  name_this_thread("postern/names");
  Lookups lookups([this](const std::string& name, const std::string& problem, std::vector<acl::Address> addresses) {
    take(name, problem, std::move(addresses));
  });
  while (!stop.stop_requested()) {
    std::vector<std::string> due;
    {
      std::unique_lock lock(mutex_);
      const auto now = steady_clock::now();
      auto next = now + std::chrono::hours{1};
      for (auto& [name, asked] : names_) {
        if (lookups.has(name)) continue;  // at a dead server they would pile up, and the oldest speak last
        if (asked.due <= now) {
          due.push_back(name);
          asked.due = now + asked.refresh;
        }
        next = std::min(next, asked.due);
      }
      if (due.empty() && !lookups.any()) {
        wake_.wait_until(lock, stop, next,
                         [&] { return std::ranges::any_of(names_, [&](const auto& each) { return each.second.due < next; }); });
        continue;
      }
    }
    for (const std::string& name : due) lookups.begin(name);
    if (lookups.any()) lookups.poll();
  }
}

}  // namespace postern::net
