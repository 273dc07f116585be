// What a packet costs the engine as what it remembers or is configured with grows; load-tests/costs/run prints it. One engine in one
// process, no sockets: the kernel's part is the same whatever is remembered.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <fstream>
#include <functional>
#include <iostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "load-tests/engine/engine_bench.hpp"
#include "load-tests/sip_text.hpp"

namespace {

using namespace postern;
using bench::listener_and_pbx;

constexpr int rounds = 5;
constexpr std::size_t packets = 20'000;  // a round

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

/// An engine whose PBX accepts whatever it is asked.
class Bench : public bench::EngineBench {
 public:
  using EngineBench::EngineBench;
  /// What the request became at the PBX, answered 200 with its Contacts.
  void answered() {
    const std::string asked = sent().empty() ? std::string() : sent().back().bytes;
    if (asked.empty()) return;
    from_pbx(bench::response_to(asked, "200 OK", load::lines_of(asked, "Contact") + "Expires: 3600\r\nContent-Length: 0\r\n\r\n"));
    advance();
  }
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
      const double one = cost([&](std::size_t i) { bench.from(address(i * stride % count), 5060, scanner); });
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
      const double one = cost([&](std::size_t i) { bench.from(address(i * stride % count), 5060, text); });
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
  try {
    by_registrations();
    by_rules();
    by_networks(argv[1]);
    by_bans();
    by_sources();
  } catch (const std::exception& error) {
    std::cerr << "costs: " << error.what() << '\n';
    return 1;
  }
}
