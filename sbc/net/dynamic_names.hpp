// Networks that are DNS names (`networks: {anna: {name: anna.dyn.example}}`): looked up again and again beside the packets.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "acl/address.hpp"
#include "sbc/net/log.hpp"
#include "sbc/net/options.hpp"

namespace postern::net {

/// The last good answer to each name, sorted.
using NameAnswers = std::map<std::string, std::vector<acl::Address>>;

/// A thread of its own asks the servers that /etc/resolv.conf names just then (c-ares) for A and AAAA of the name as it is written: no
/// search domain is tried. An answer that names no address, or none at all, changes nothing: the last good one holds, over a restart too
/// (a file of the state folder), and the log tells it once.
class DynamicNames {
 public:
  /// `folder`: the state folder's path. `changed` is called on that thread when an answer has changed. `log` must outlive it.
  DynamicNames(std::string folder, NameAnswers kept, Log& log, std::function<void()> changed);
  ~DynamicNames();
  DynamicNames(const DynamicNames&) = delete;
  DynamicNames& operator=(const DynamicNames&) = delete;

  /// What was kept in that folder; what cannot be read is passed over.
  static NameAnswers read(const std::string& folder);

  /// At the start and when a reload changes them: new ones are looked up at once. From the main thread.
  void apply(const std::vector<DynamicName>& names);
  [[nodiscard]] NameAnswers answers() const;

 private:
  class Lookups;
  struct Asked {
    std::chrono::milliseconds refresh{0};
    std::chrono::steady_clock::time_point due;
    bool failing = false;
  };

  void run(const std::stop_token& stop);
  void take(const std::string& name, const std::string& problem, std::vector<acl::Address> addresses);
  void write() const;

  std::string folder_;
  Log& log_;
  std::function<void()> changed_;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::map<std::string, Asked> names_;  ///< under the mutex, as are the answers
  NameAnswers answers_;
  std::jthread thread_;  ///< once there is a name
};

}  // namespace postern::net
