// What a packet costs the engine as what it remembers or is configured with grows; load-tests/costs/run prints it. One engine in one
// process, no sockets: the kernel's part is the same whatever is remembered.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.hpp"
#include "sbc/engine.hpp"

namespace {

using namespace postern;

constexpr int rounds = 5;
constexpr std::size_t packets = 20'000;  // a round

struct Silent : sbc::EventSink {
  void on_event(const sbc::Event& /*event*/) override {}
};

constexpr std::string_view listener_and_pbx =
    "listeners: [udp://198.51.100.1:5060]\n"
    "pbx: {address: udp://10.0.0.5:15060, bind: 10.0.0.2:5080, health_check: off}\n"
    "keepalive: off\n";
constexpr std::string_view no_limits =
    "limits: {per_source: off, unknown_sources: off, per_source_methods: {REGISTER: off, INVITE: off}, pbx: off}\n";

/// Resident memory, in MiB.
double memory() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  file >> all >> resident;
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1 << 20);
}

/// An engine with that configuration.
class Bench {
 public:
  explicit Bench(const std::string& yaml) {
    config::LoadResult loaded = config::load_text(yaml, "costs.yaml", "/");
    if (!loaded.ok()) {
      for (const auto& problem : loaded.problems) std::cerr << problem.message << '\n';
      std::exit(1);
    }
    sbc::Secrets secrets;
    for (std::size_t i = 0; i < secrets.secret.size(); ++i) secrets.secret.at(i) = static_cast<std::uint8_t>(i * 7 + 1);
    secrets.table_seed = 42;
    engine_ = std::make_unique<sbc::Engine>(loaded.config.engine, loaded.policy, secrets, events_);
    access_.local = loaded.config.engine.listeners.front().bind.address;
    core_.side = sbc::Side::core;
    core_.local = loaded.config.engine.pbx.bind->address;
    core_.peer = loaded.config.engine.pbx.addresses.front();
  }

  void from(const acl::Address& source, std::uint16_t port, std::string_view bytes) {
    access_.peer = {source, port};
    now_ += std::chrono::microseconds{20};
    engine_->handle({bytes, access_}, now_, out_);
  }
  /// What the request became at the PBX, answered 200 with its Contacts.
  void answered() {
    const std::string sent = out_.items().empty() ? std::string() : out_.items().back().bytes;
    out_.clear();
    if (sent.empty()) return;
    engine_->handle({response_to(sent), core_}, now_, out_);
    out_.clear();
    if (const auto deadline = engine_->next_deadline(); deadline && *deadline <= now_) engine_->advance(now_, out_);
    out_.clear();
  }
  void drop() { out_.clear(); }
  [[nodiscard]] sbc::Gauges gauges() const { return engine_->gauges(); }

 private:
  static std::string response_to(std::string_view request) {
    std::string response = "SIP/2.0 200 OK\r\n";
    for (std::size_t at = request.find('\n') + 1; at < request.size();) {
      const std::size_t end = std::min(request.find('\n', at), request.size() - 1) + 1;
      std::string_view line = request.substr(at, end - at);
      at = end;
      if (line == "\r\n") break;
      const bool copied = std::ranges::any_of(std::vector<std::string_view>{"Via:", "From:", "To:", "Call-ID:", "CSeq:", "Contact:"},
                                              [&](std::string_view name) { return line.starts_with(name); });
      if (!copied) continue;
      line.remove_suffix(2);
      response.append(line).append(line.starts_with("To:") ? ";tag=t" : "").append("\r\n");
    }
    return response + "Expires: 3600\r\nContent-Length: 0\r\n\r\n";
  }

  Silent events_;
  std::unique_ptr<sbc::Engine> engine_;
  sbc::Flow access_, core_;
  sbc::Outbox out_;
  acl::TimePoint now_ = acl::TimePoint(std::chrono::hours{1});
};

std::string request(std::string_view method, std::size_t number, std::size_t try_number, std::string_view host) {
  return fmt::format(
      "{0} sip:{1}@198.51.100.1 SIP/2.0\r\nVia: SIP/2.0/UDP {3}:5060;branch=z9hG4bK-{1}-{2};rport\r\nMax-Forwards: 70\r\n"
      "From: <sip:{1}@198.51.100.1>;tag=f{1}\r\nTo: <sip:{1}@198.51.100.1>\r\nCall-ID: call-of-{1}@{3}\r\nCSeq: {2} {0}\r\n"
      "Contact: <sip:{1}@{3}:5060>\r\nUser-Agent: Yealink SIP-T46U 108.86.0.20\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n",
      method, number, try_number, host);
}

/// Addresses 20.0.0.1, 20.0.0.2 ...
acl::Address address(std::size_t number) { return acl::Address::v4(static_cast<std::uint32_t>(0x14000001U + number)); }

/// The median of some rounds, in microseconds of this thread for each of `packets` calls of `one(i)`.
double cost(const std::function<void(std::size_t)>& one) {
  std::vector<double> all;
  std::size_t next = 0;
  for (int round = 0; round < rounds; ++round) {
    timespec begin{};
    timespec end{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    for (std::size_t i = 0; i < packets; ++i) one(next++);
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    all.push_back((static_cast<double>(end.tv_sec - begin.tv_sec) * 1e6 + static_cast<double>(end.tv_nsec - begin.tv_nsec) / 1e3) /
                  packets);
  }
  std::ranges::sort(all);
  return all[all.size() / 2];
}

/// What is given to an engine is made before: it shall not be measured.
std::vector<std::string> requests(std::string_view method, std::size_t phones, std::size_t step) {
  std::vector<std::string> made;
  for (std::size_t i = 0; i < packets * rounds; ++i) {
    const std::size_t phone = i * step % phones;
    made.push_back(request(method, phone, 2 + i / phones, address(phone).to_string()));
  }
  return made;
}

/// In a process of its own, so that it finds no memory that another row has left.
void row(const std::function<void()>& measure) {
  std::cout << std::flush;
  const pid_t child = ::fork();
  if (child == 0) {
    measure();
    std::cout << std::flush;
    ::_exit(0);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child || status != 0) throw std::runtime_error("a row could not be measured");
}

constexpr std::size_t stride = 7919;  // phones come in no order

void by_registrations() {
  std::cout << "| registrations | REGISTER again, us | OPTIONS, us | memory, MiB |\n|---|---|---|---|\n";
  for (const std::size_t count : {1'000, 10'000, 100'000, 200'000}) {
    row([&] {
      const double before = memory();
      Bench bench(std::string(listener_and_pbx) + std::string(no_limits));
      for (std::size_t i = 0; i < count; ++i) {
        bench.from(address(i), 5060, request("REGISTER", i, 1, address(i).to_string()));
        bench.answered();
      }
      if (bench.gauges().registrations != count) std::cerr << "only " << bench.gauges().registrations << " are registered\n";
      const double taken = memory() - before;
      const auto refreshes = requests("REGISTER", count, stride);
      const double refresh = cost([&](std::size_t i) {
        bench.from(address(i * stride % count), 5060, refreshes[i]);
        bench.answered();
      });
      const auto asked = requests("OPTIONS", count, stride);
      const double options = cost([&](std::size_t i) {
        bench.from(address(i * stride % count), 5060, asked[i]);
        bench.answered();
      });
      std::cout << fmt::format("| {} | {:.1f} | {:.1f} | {:.0f} |\n", count, refresh, options, taken) << std::flush;
    });
  }
}

void by_rules() {
  std::cout << "\n| rules, each with a network and a method, none matches | OPTIONS, us |\n|---|---|\n";
  constexpr std::size_t phones = 1000;
  const auto asked = requests("OPTIONS", phones, stride);
  for (const std::size_t count : {10, 100, 1'000, 10'000}) {
    row([&] {
      std::string yaml = std::string(listener_and_pbx) + std::string(no_limits) + "rules:\n";
      for (std::size_t i = 0; i < count; ++i)
        yaml += fmt::format("  - {{source: 30.{}.{}.0/24, methods: [OPTIONS], action: drop}}\n", i / 256 % 256, i % 256);
      Bench bench(yaml);
      const double options = cost([&](std::size_t i) {
        bench.from(address(i * stride % phones), 5060, asked[i]);
        bench.answered();
      });
      std::cout << fmt::format("| {} | {:.1f} |\n", count, options) << std::flush;
    });
  }
}

void by_networks(const std::string& folder) {
  std::cout << "\n| networks in one list | OPTIONS from elsewhere, us | dropped by it, us | dropped, from a million addresses, us | "
               "memory, MiB |\n"
               "|---|---|---|---|---|\n";
  constexpr std::size_t phones = 1000;
  const auto asked = requests("OPTIONS", phones, stride);
  for (const std::size_t count : {10, 1'000, 100'000, 1'000'000}) {
    row([&] {
      const std::string list = folder + "/list.txt";
      {
        std::ofstream file(list);
        for (std::size_t i = 0; i < count; ++i)
          file << acl::Address::v4(static_cast<std::uint32_t>(0x40000000U + i * 512)).to_string() << "/24\n";
      }
      const double before = memory();
      Bench bench(std::string(listener_and_pbx) + std::string(no_limits) + "networks: {listed: {file: " + list +
                  "}}\nrules: [{source: listed, action: drop}]\n");
      const double taken = memory() - before;
      const auto drop = [&](std::size_t sources) {
        return cost([&](std::size_t i) {
          const std::size_t source = i * stride % sources;
          bench.from(acl::Address::v4(static_cast<std::uint32_t>(0x40000000U + source % count * 512 + source / count % 200)), 5060,
                     asked[i]);
          bench.drop();
        });
      };
      const double few = drop(8192);
      const double many = drop(1'000'000);
      const double options = cost([&](std::size_t i) {
        bench.from(address(i * stride % phones), 5060, asked[i]);
        bench.answered();
      });
      std::cout << fmt::format("| {} | {:.1f} | {:.2f} | {:.2f} | {:.0f} |\n", count, options, few, many, taken) << std::flush;
    });
  }
}

void by_bans() {
  std::cout << "\n| banned addresses | a packet of one, us | memory, MiB |\n|---|---|---|\n";
  const std::string scanner = request("OPTIONS", 1, 1, "192.0.2.1");
  const std::string banned = std::string(scanner).replace(scanner.find("Yealink"), 7, "friendly-scanner");
  for (const std::size_t count : {1, 1'000, 100'000, 1'000'000}) {
    row([&] {
      const double before = memory();
      Bench bench(std::string(listener_and_pbx) + std::string(no_limits));
      for (std::size_t i = 0; i < count; ++i) bench.from(address(i), 5060, banned);
      const double taken = memory() - before;
      const double one = cost([&](std::size_t i) {
        bench.from(address(i * stride % count), 5060, scanner);
        bench.drop();
      });
      std::cout << fmt::format("| {} | {:.2f} | {:.0f} |\n", bench.gauges().bans_active, one, taken) << std::flush;
    });
  }
}

void by_sources() {
  std::cout << "\n| sources remembered | over its limit, us | memory, MiB |\n|---|---|---|\n";
  const std::string text = request("OPTIONS", 1, 1, "192.0.2.1");
  for (const std::size_t count : {1'000, 10'000, 100'000, 1'000'000}) {
    row([&] {
      const double before = memory();
      Bench bench(std::string(listener_and_pbx) + "limits: {per_source: {rate: 1/m, burst: 1}, unknown_sources: {rate: 1/s, burst: 1}}\n");
      for (std::size_t i = 0; i < count; ++i) bench.from(address(i), 5060, text);
      const double taken = memory() - before;
      const double one = cost([&](std::size_t i) {
        bench.from(address(i * stride % count), 5060, text);
        bench.drop();
      });
      std::cout << fmt::format("| {} | {:.2f} | {:.0f} |\n", bench.gauges().sources_tracked, one, taken) << std::flush;
    });
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: costs FOLDER   (for a list of networks; load-tests/costs/run makes one)\n";
    return 2;
  }
  by_registrations();
  by_rules();
  by_networks(argv[1]);
  by_bans();
  by_sources();
}
