#include "sbc/net/probe.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

#include "acl/file_descriptor.hpp"
#include "sbc/net/socket_address.hpp"

namespace postern::net {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t most_lines = 100'000;  // of a table of the kernel's

std::string random_word() {
  std::uint64_t value = 0;
  static_cast<void>(::getrandom(&value, sizeof value, 0));
  return fmt::format("{:016x}", value);
}

std::string host_of(const acl::Address& address) { return address.is_v4() ? address.to_string() : "[" + address.to_string() + "]"; }

std::string options_request(const sbc::Endpoint& local, const sbc::Endpoint& target, const std::string& user) {
  const std::string word = random_word();
  const std::string from = user.empty() ? std::string() : user + "@";
  return fmt::format(
      "OPTIONS sip:{0} SIP/2.0\r\nVia: SIP/2.0/UDP {1}:{2};rport;branch=z9hG4bK{3}\r\nMax-Forwards: 70\r\n"
      "From: <sip:{4}{5}>;tag={3}\r\nTo: <sip:{0}>\r\nCall-ID: {3}@{1}\r\nCSeq: 1 OPTIONS\r\nContact: <sip:{4}{1}:{2}>\r\n"
      "User-Agent: Postern\r\nContent-Length: 0\r\n\r\n",
      target.to_string(), host_of(local.address), local.port, word, from, host_of(target.address));
}

/// A full frame: call 1 to call 0, time stamp 0, IAX (6), POKE (30).
std::string poke_frame() { return {"\x80\x01\x00\x00\x00\x00\x00\x00\x00\x00\x06\x1e", 12}; }

/// One probe under way.
class Attempt {
 public:
  Attempt(const Probe& probe, const ProbeOptions& options, Clock::time_point now)
      : connects_(probe.kind == Probe::Kind::connect), ends_(now + options.patience) {
    const int type = connects_ ? SOCK_STREAM : SOCK_DGRAM;
    fd_ = acl::FileDescriptor(::socket(family_of(probe.target.address), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    SocketAddress target{};
    const socklen_t size = fill(target, probe.target);
    if (!fd_ || !binds(probe)) {
      finish(PortState::filtered);
    } else if (::connect(fd_.get(), &target.any, size) != 0 && errno != EINPROGRESS) {
      finish(errno == ECONNREFUSED ? PortState::closed : PortState::filtered);
    } else if (!connects_) {
      ask(probe, options);
    }
  }

  [[nodiscard]] const std::optional<PortState>& state() const { return state_; }
  [[nodiscard]] Clock::time_point ends() const { return ends_; }
  [[nodiscard]] pollfd waiting() const { return {fd_.get(), static_cast<short>(connects_ ? POLLOUT : POLLIN), 0}; }

  void ready() {
    int error = 0;
    if (connects_) {
      socklen_t size = sizeof error;
      ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    } else {
      std::array<char, 2048> buffer{};
      if (::recv(fd_.get(), buffer.data(), buffer.size(), 0) < 0) error = errno;
    }
    if (error == EAGAIN) return;
    finish(error == 0 ? PortState::open : error == ECONNREFUSED ? PortState::closed : PortState::filtered);
  }
  void finish(PortState state) {
    state_ = state;
    fd_ = acl::FileDescriptor();
  }

 private:
  void ask(const Probe& probe, const ProbeOptions& options) {
    const std::string request = probe.kind == Probe::Kind::iax2_poke ? poke_frame() : options_request(local(), probe.target, options.user);
    if (::send(fd_.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) finish(PortState::filtered);
  }
  [[nodiscard]] bool binds(const Probe& probe) const {
    if (!probe.from) return true;
    SocketAddress address{};
    const socklen_t size = fill(address, {*probe.from, 0});
    return ::bind(fd_.get(), &address.any, size) == 0;
  }
  [[nodiscard]] sbc::Endpoint local() const {
    SocketAddress address{};
    socklen_t size = sizeof address;
    ::getsockname(fd_.get(), &address.any, &size);
    return endpoint_of(address);
  }

  acl::FileDescriptor fd_;
  bool connects_;
  Clock::time_point ends_;
  std::optional<PortState> state_;
};

/// Waits for answers until then, or until there is none to wait for.
void gather(std::vector<Attempt>& attempts, Clock::time_point until) {
  while (true) {
    std::vector<pollfd> waiting;
    std::vector<Attempt*> who;
    Clock::time_point end = until;
    const Clock::time_point now = Clock::now();
    for (Attempt& attempt : attempts) {
      if (!attempt.state() && attempt.ends() <= now) attempt.finish(PortState::filtered);
      if (attempt.state()) continue;
      waiting.push_back(attempt.waiting());
      who.push_back(&attempt);
      end = std::min(end, attempt.ends());
    }
    if (until <= now || (who.empty() && until == Clock::time_point::max())) return;
    const auto left = std::chrono::ceil<milliseconds>(end - now).count();
    if (::poll(waiting.data(), waiting.size(), static_cast<int>(left)) <= 0) continue;
    for (std::size_t i = 0; i < who.size(); ++i) {
      if (waiting[i].revents != 0) who[i]->ready();
    }
  }
}

std::optional<std::uint32_t> hex_number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

/// Words of four bytes, each as it stands in memory.
std::optional<acl::Address> kernel_address(std::string_view text) {
  constexpr std::size_t word_letters = 8;
  acl::Address::Bytes bytes{};
  if (text.size() != word_letters && text.size() != bytes.size() * 2) return std::nullopt;
  for (std::size_t word = 0; word * word_letters < text.size(); ++word) {
    const auto value = hex_number(text.substr(word * word_letters, word_letters));
    if (!value) return std::nullopt;
    if (text.size() == word_letters) return acl::Address::v4(ntohl(*value));
    const std::uint32_t number = ntohl(*value);
    for (std::size_t byte = 0; byte < sizeof number; ++byte)
      bytes.at(word * sizeof number + byte) = static_cast<std::uint8_t>(number >> (24 - 8 * byte));
  }
  return acl::Address::v6(bytes);
}

}  // namespace

const char* to_string(PortState state) {
  switch (state) {
    case PortState::open:
      return "open";
    case PortState::closed:
      return "closed";
    case PortState::filtered:
      break;
  }
  return "filtered";
}

std::vector<PortState> probe(std::span<const Probe> probes, const ProbeOptions& options) {
  std::vector<Attempt> attempts;
  attempts.reserve(probes.size());
  for (const Probe& each : probes) {
    const Clock::time_point now = Clock::now();
    attempts.emplace_back(each, options, now);
    options.progress(attempts.size());
    if (attempts.size() < probes.size()) gather(attempts, now + options.between);
  }
  gather(attempts, Clock::time_point::max());
  std::vector<PortState> states;
  states.reserve(attempts.size());
  for (const Attempt& attempt : attempts) states.push_back(attempt.state().value_or(PortState::filtered));
  return states;
}

std::vector<ListeningPort> listening_ports(std::istream& table, bool tcp) {
  constexpr std::string_view listens = "0A", bound = "07";  // TCP_LISTEN, TCP_CLOSE: what the kernel writes for each
  std::vector<ListeningPort> ports;
  std::string line;
  std::getline(table, line);  // headings
  for (std::size_t i = 0; i < most_lines && std::getline(table, line); ++i) {
    std::istringstream fields(line);
    std::string number, local, remote, state;
    fields >> number >> local >> remote >> state;
    const std::size_t colon = local.find(':');
    if (!fields || colon == std::string::npos || state != (tcp ? listens : bound)) continue;
    const auto address = kernel_address(std::string_view(local).substr(0, colon));
    const auto port = hex_number(std::string_view(local).substr(colon + 1));
    if (address && port && *port <= UINT16_MAX) ports.push_back({tcp, static_cast<std::uint16_t>(*port), *address});
  }
  return ports;
}

std::vector<ListeningPort> listening_ports() {
  std::vector<ListeningPort> all;
  for (const auto& [path, tcp] :
       {std::pair("/proc/net/tcp", true), {"/proc/net/tcp6", true}, {"/proc/net/udp", false}, {"/proc/net/udp6", false}}) {
    std::ifstream table(path);
    const std::vector<ListeningPort> some = listening_ports(table, tcp);
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

}  // namespace postern::net
