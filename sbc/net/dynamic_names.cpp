#include "sbc/net/dynamic_names.hpp"

#include <ares.h>
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <utility>

#include "sbc/net/socket_address.hpp"
#include "sbc/net/thread_name.hpp"

namespace postern::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds longest_poll{250};  // a stop waits no longer
constexpr milliseconds retry{10'000};      // of what failed, where it is not to be asked again sooner
constexpr const char* file_name = "names";
constexpr std::size_t most_dynamic_names = 1000;  // of the file

std::filesystem::path file_in(const std::string& folder) { return std::filesystem::path(folder) / file_name; }

std::vector<acl::Address> addresses_of(const ares_addrinfo& found) {
  std::vector<acl::Address> addresses;
  for (const ares_addrinfo_node* node = found.nodes; node != nullptr && addresses.size() < DynamicNames::most_addresses;
       node = node->ai_next) {
    if (node->ai_family == AF_INET)
      addresses.push_back(address_of(reinterpret_cast<const sockaddr_in*>(node->ai_addr)->sin_addr));
    else if (node->ai_family == AF_INET6)
      addresses.push_back(address_of(reinterpret_cast<const sockaddr_in6*>(node->ai_addr)->sin6_addr));
  }
  std::ranges::sort(addresses);
  addresses.erase(std::ranges::unique(addresses).begin(), addresses.end());
  return addresses;
}

std::string joined(const std::vector<acl::Address>& addresses) {
  std::string text;
  for (const acl::Address& address : addresses) text.append(text.empty() ? "" : " ").append(address.to_string());
  return text;
}

}  // namespace

/// What is under way.
class DynamicNames::Lookups {
 public:
  using Take = std::function<void(const std::string& name, const std::string& problem, std::vector<acl::Address> addresses)>;

  explicit Lookups(Take take) : take_(std::move(take)) {
    if (ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS) ares_init(&channel_);
  }
  ~Lookups() {
    if (channel_ != nullptr) ares_destroy(channel_);
    ares_library_cleanup();
  }
  Lookups(const Lookups&) = delete;
  Lookups& operator=(const Lookups&) = delete;

  void begin(const std::string& name) {
    if (channel_ == nullptr) return take_(name, "c-ares cannot be started", {});
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    ++under_way_;
    ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, &Lookups::on_answer, new Query{this, name});
  }
  [[nodiscard]] bool any() const { return under_way_ > 0; }

  void poll() {
    std::array<ares_socket_t, ARES_GETSOCK_MAXNUM> sockets{};
    const int wanted = ares_getsock(channel_, sockets.data(), static_cast<int>(sockets.size()));
    std::array<pollfd, ARES_GETSOCK_MAXNUM> polled{};
    nfds_t count = 0;
    for (std::size_t i = 0; i < sockets.size(); ++i) {
      const bool reads = ARES_GETSOCK_READABLE(static_cast<unsigned>(wanted), i) != 0;
      const bool writes = ARES_GETSOCK_WRITABLE(static_cast<unsigned>(wanted), i) != 0;
      if (reads || writes) polled[count++] = {sockets[i], static_cast<short>((reads ? POLLIN : 0) | (writes ? POLLOUT : 0)), 0};
    }
    timeval longest{0, static_cast<suseconds_t>(std::chrono::microseconds(longest_poll).count())};
    timeval space{};
    const timeval* next = ares_timeout(channel_, &longest, &space);
    ::poll(polled.data(), count, static_cast<int>(next->tv_sec * 1000 + next->tv_usec / 1000 + 1));
    for (nfds_t i = 0; i < count; ++i) {
      const bool readable = (polled[i].revents & (POLLIN | POLLERR | POLLHUP)) != 0;
      const bool writable = (polled[i].revents & POLLOUT) != 0;
      ares_process_fd(channel_, readable ? polled[i].fd : ARES_SOCKET_BAD, writable ? polled[i].fd : ARES_SOCKET_BAD);
    }
    ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // timeouts
  }

 private:
  struct Query {
    Lookups* lookups;
    std::string name;
  };

  static void on_answer(void* argument, int status, int /*timeouts*/, ares_addrinfo* found) {
    const std::unique_ptr<Query> query(static_cast<Query*>(argument));
    const std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> owner(found, ares_freeaddrinfo);
    --query->lookups->under_way_;
    if (status == ARES_EDESTRUCTION) return;
    const bool good = status == ARES_SUCCESS && found != nullptr;
    query->lookups->take_(query->name, good ? std::string() : ares_strerror(status),
                          good ? addresses_of(*found) : std::vector<acl::Address>());
  }

  Take take_;
  ares_channel channel_ = nullptr;
  std::size_t under_way_ = 0;
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
    while (words >> text && addresses.size() < most_addresses) {
      if (const auto address = acl::Address::parse(text)) addresses.push_back(*address);
    }
    if (!addresses.empty()) answers[name] = std::move(addresses);
  }
  return answers;
}

/// Whole or not at all. That it cannot be written is what `event=state` tells of the folder anyway.
void DynamicNames::write() const {
  const std::filesystem::path path = file_in(folder_);
  const std::filesystem::path next = path.string() + ".new";
  {
    std::ofstream file(next, std::ios::trunc);
    for (const auto& [name, addresses] : answers_) file << name << ' ' << joined(addresses) << '\n';
    if (!file.flush()) return;
  }
  std::error_code ignored;
  std::filesystem::rename(next, path, ignored);
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
    if (differs) write();
  }
  if (differs) changed_();
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
