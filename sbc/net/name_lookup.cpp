#include "sbc/net/name_lookup.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include "sbc/net/socket_address.hpp"

namespace postern::net {
namespace {

using std::chrono::milliseconds;

std::vector<acl::Address> addresses_of(const ares_addrinfo& found) {
  std::vector<acl::Address> addresses;
  for (const ares_addrinfo_node* node = found.nodes; node != nullptr && addresses.size() < NameLookup::most_addresses;
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

/// Once, for all threads.
void init_library() { [[maybe_unused]] static const int status = ares_library_init(ARES_LIB_INIT_ALL); }

}  // namespace

NameLookup::NameLookup(const std::string& name) {
  init_library();
  ares_options options{};  // without domains to put behind a name: c-ares 1.18 goes by that, 1.23 and newer by the flag
  options.flags = ARES_FLAG_NOSEARCH;
  const int status = ares_init_options(&channel_, &options, ARES_OPT_FLAGS | ARES_OPT_DOMAINS);
  if (status == ARES_SUCCESS)
    ask(name);
  else
    finish(status, nullptr);
}

NameLookup::~NameLookup() {
  if (channel_ != nullptr) ares_destroy(channel_);
}

milliseconds NameLookup::wait_with(std::vector<pollfd>& polled) {
  first_ = polled.size();
  if (done_) return milliseconds{0};
  std::array<ares_socket_t, ARES_GETSOCK_MAXNUM> sockets{};
  const auto wanted = static_cast<unsigned>(ares_getsock(channel_, sockets.data(), static_cast<int>(sockets.size())));
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    const bool reads = ARES_GETSOCK_READABLE(wanted, i) != 0;
    const bool writes = ARES_GETSOCK_WRITABLE(wanted, i) != 0;
    if (reads || writes) polled.push_back({sockets[i], static_cast<short>((reads ? POLLIN : 0) | (writes ? POLLOUT : 0)), 0});
  }
  count_ = polled.size() - first_;
  timeval longest{0, static_cast<suseconds_t>(std::chrono::microseconds(longest_poll).count())};
  timeval space{};
  const timeval* next = ares_timeout(channel_, &longest, &space);
  return milliseconds{next->tv_sec * 1000 + next->tv_usec / 1000 + 1};
}

void NameLookup::process(std::span<const pollfd> polled) {
  if (done_) return;
  for (const pollfd& each : polled.subspan(first_, count_)) {
    const bool readable = (each.revents & (POLLIN | POLLERR | POLLHUP)) != 0;
    const bool writable = (each.revents & POLLOUT) != 0;
    ares_process_fd(channel_, readable ? each.fd : ARES_SOCKET_BAD, writable ? each.fd : ARES_SOCKET_BAD);
  }
  ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // timeouts
}

void NameLookup::ask(const std::string& name) {
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, &NameLookup::on_answer, this);
}

void NameLookup::on_answer(void* argument, int status, int /*timeouts*/, ares_addrinfo* found) {
  const std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> owner(found, ares_freeaddrinfo);
  static_cast<NameLookup*>(argument)->finish(status, found);
}

void NameLookup::finish(int status, const ares_addrinfo* found) {
  done_ = true;
  if (status != ARES_SUCCESS) problem_ = ares_strerror(status);
  if (status == ARES_SUCCESS && found != nullptr) addresses_ = addresses_of(*found);
}

}  // namespace postern::net
