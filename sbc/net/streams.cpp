#include "sbc/net/streams.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/rand.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "sbc/net/octet_connection.hpp"
#include "sbc/net/socket_address.hpp"
#include "sbc/net/start_error.hpp"
#include "sbc/net/web_socket.hpp"

namespace postern::net {
namespace {

/// For sockets of UDP, files of state, lists and databases.
constexpr rlim_t reserved_files = 256;

std::size_t connection_limit() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) return Streams::most_connections;
  const rlim_t free = files.rlim_cur > 2 * reserved_files ? files.rlim_cur - reserved_files : files.rlim_cur / 2;
  return std::min<std::size_t>(Streams::most_connections, free);
}

std::uint32_t random_boot() {
  std::uint32_t boot = 0;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&boot), sizeof boot) != 1) throw StartError("OpenSSL gives no random numbers");
  return boot;
}

/// Where one of these fails the connection only works less well.
void set_options(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

/// A PBX that is gone without a word is found out within half a minute. With SO_KEEPALIVE, as set above.
void set_core_options(int fd) {
  constexpr int idle_seconds = 10;
  constexpr int probe_seconds = 5;
  constexpr int probes = 3;
  constexpr int unacknowledged_ms = 20'000;
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_seconds, sizeof idle_seconds);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &probe_seconds, sizeof probe_seconds);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  ::setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms, sizeof unacknowledged_ms);
}

acl::Address local_address(int fd) {
  SocketAddress address{};
  socklen_t length = sizeof address;
  if (::getsockname(fd, &address.any, &length) != 0) return {};
  return endpoint_of(address).address;
}

}  // namespace

void raise_file_limit() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == files.rlim_max) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

Streams::Streams(boost::asio::io_context& io, StreamHandler& handler, const StreamTimes& times, const WorkerPlace& place)
    : io_(io),
      handler_(handler),
      times_(times),
      place_(place),
      buffer_(std::make_unique_for_overwrite<char[]>(buffer_size)),  // NOLINT(modernize-avoid-c-arrays)
      limit_(std::max<std::size_t>(connection_limit() / place.steering.workers(), 1)),
      boot_(random_boot()) {}

Streams::~Streams() { stop(); }

void Streams::apply(Plan plan, const sbc::LimitsOptions& limits) {
  per_source_ = limits.connections_per_source;
  Listeners next = std::move(plan.listeners);
  std::swap(listeners_, next);
  for (std::size_t slot = 0; slot < listeners_.size(); ++slot) {
    if (listeners_[slot] != nullptr) listeners_[slot]->set(std::move(plan.settings[slot]));
  }
  for (const auto& old : next) {
    if (old != nullptr && std::ranges::find(listeners_, old) == listeners_.end()) old->close();
  }
  for (const auto& listener : listeners_) {
    const bool is_new = listener != nullptr && std::ranges::find(next, listener) == next.end();
    if (is_new && running_) listener->start();
  }
}

void Streams::start() {
  running_ = true;
  for (const auto& listener : listeners_) {
    if (listener != nullptr) listener->start();
  }
}

void Streams::stop() {
  running_ = false;
  for (const auto& listener : std::exchange(listeners_, {})) {
    if (listener != nullptr) listener->close();
  }
  for (const auto& [id, connection] : std::exchange(connections_, {})) connection->abandon();
  by_source_.clear();
  by_age_.clear();
  counters_.open = {};
}

void Streams::close_slot(std::uint8_t slot) {
  std::vector<std::shared_ptr<StreamConnection>> ending;
  for (const auto& [id, connection] : connections_) {
    if (connection->flow().listener == slot) ending.push_back(connection);
  }
  for (const auto& connection : ending) connection->end(ConnectionEnd::listener_gone);
}

bool Streams::has_connections(std::uint8_t slot) const {
  return std::ranges::any_of(connections_, [slot](const auto& each) { return each.second->flow().listener == slot; });
}

bool Streams::send(const sbc::Flow& flow, std::string_view message) {
  const auto found = connections_.find(flow.connection);
  if (found == connections_.end()) {
    ++counters_.undeliverable;
    return false;
  }
  found->second->send(message);
  return true;
}

bool Streams::make_room() {
  constexpr int most_looked_at = 64;
  auto next = by_age_.lower_bound(looked_at_);
  for (int i = 0; i < most_looked_at && !by_age_.empty(); ++i) {
    if (next == by_age_.end()) next = by_age_.begin();
    looked_at_ = *next + 1;
    const std::shared_ptr<StreamConnection> connection = connections_.at(*next++);
    if (handler_.keeps(connection->flow())) continue;
    connection->end(ConnectionEnd::connections_full);
    return true;
  }
  return false;
}

bool Streams::over_source_limit(const acl::Address& peer) const {
  if (!per_source_) return false;
  const auto found = by_source_.find(acl::SourceKey(peer).value());
  return found != by_source_.end() && found->second >= *per_source_ && !handler_.is_trusted(peer);
}

std::uint64_t Streams::next_id() {
  do {
    if (++counter_ == 0) {
      ++boot_;
      counter_ = 1;
    }
  } while (connections_.contains(std::uint64_t{boot_} << 32U | counter_));
  return std::uint64_t{boot_} << 32U | counter_;
}

void Streams::accepted(acl::FileDescriptor socket, const StreamListener& listener, const sbc::Endpoint& peer) {
  const bool core = listener.slot() == sbc::no_listener;
  if (!core) ++counters_.accepted[static_cast<std::size_t>(listener.transport())];
  if (!running_) return;
  sbc::Flow flow;
  flow.transport = listener.transport();
  flow.listener = listener.slot();
  flow.local = listener.bound().address.is_unspecified() ? local_address(socket.get()) : listener.bound().address;
  flow.peer = peer;
  flow.connection = next_id();
  if (core) return accepted_core(std::move(socket), flow);
  // However it came here: what a source may do is counted at one place. It comes again, and finds its own.
  if (!place_.alone() && place_.steering.worker_of(peer.address) != place_.index) return count_end(flow, ConnectionEnd::other_worker);
  if (over_source_limit(peer.address)) return count_end(flow, ConnectionEnd::source_limit);
  if (!handler_.on_connected(flow)) return count_end(flow, ConnectionEnd::not_admitted);
  if (connections_.size() >= limit_ && !make_room()) {
    handler_.on_disconnected(flow, ConnectionEnd::connections_full);
    return count_end(flow, ConnectionEnd::connections_full);
  }
  set_options(socket.get());
  const std::shared_ptr<StreamConnection> connection = make(flow, std::move(socket), listener);
  if (connection == nullptr) {
    handler_.on_disconnected(flow, ConnectionEnd::memory);
    return count_end(flow, ConnectionEnd::memory);
  }
  connections_.emplace(flow.connection, connection);
  by_age_.insert(flow.connection);
  ++by_source_[acl::SourceKey(peer.address).value()];
  ++counters_.open[static_cast<std::size_t>(flow.transport)];
  connection->start();
}

void Streams::accepted_core(acl::FileDescriptor socket, sbc::Flow flow) {
  flow.side = sbc::Side::core;
  if (!handler_.on_connected(flow)) return;
  auto stream = std::make_unique<PlainStream>(socket.get());
  add_core(flow, std::move(socket), std::move(stream));
}

void Streams::add_core(const sbc::Flow& flow, acl::FileDescriptor socket, std::unique_ptr<ByteStream> stream) {
  set_options(socket.get());
  set_core_options(socket.get());
  const auto connection = std::make_shared<OctetConnection>(io_, *this, flow, std::move(socket), std::move(stream));
  connections_.emplace(flow.connection, connection);
  connection->start();
}

void Streams::close(std::uint64_t connection) {
  const auto found = connections_.find(connection);
  if (found == connections_.end()) return;
  const std::shared_ptr<StreamConnection> ending = found->second;
  ending->end(ConnectionEnd::listener_gone);
}

/// Counts an end, and tells of one that is a refusal.
void Streams::count_end(const sbc::Flow& flow, ConnectionEnd why) {
  ++counters_.ended[static_cast<std::size_t>(why)];
  if (is_told(why)) handler_.on_refused(flow, why);
}

void Streams::on_end(const StreamConnection& connection, ConnectionEnd why) {
  const sbc::Flow flow = connection.flow();
  if (flow.side == sbc::Side::core) {
    if (connections_.erase(flow.connection) != 0) handler_.on_disconnected(flow, why);
    return;
  }
  count_end(flow, why);
  if (connections_.erase(flow.connection) == 0) return;
  by_age_.erase(flow.connection);
  --counters_.open[static_cast<std::size_t>(flow.transport)];
  const auto source = by_source_.find(acl::SourceKey(flow.peer.address).value());
  if (source != by_source_.end() && --source->second == 0) by_source_.erase(source);
  handler_.on_disconnected(flow, why);
}

std::shared_ptr<StreamConnection> Streams::make(const sbc::Flow& flow, acl::FileDescriptor socket, const StreamListener& listener) {
  const int fd = socket.get();
  std::unique_ptr<ByteStream> stream;
  if (listener.settings().tls != nullptr) {
    stream = listener.settings().tls->accept(fd);
  } else {
    stream = std::make_unique<PlainStream>(fd);
  }
  if (stream == nullptr) return nullptr;
  if (flow.transport == sbc::Transport::ws || flow.transport == sbc::Transport::wss)
    return make_web_socket(io_, *this, flow, std::move(socket), std::move(stream), listener.settings().origins);
  return std::make_shared<OctetConnection>(io_, *this, flow, std::move(socket), std::move(stream));
}

}  // namespace postern::net
