#include "sbc/net/hep.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <utility>

#include "sbc/bytes.hpp"
#include "sbc/net/socket_address.hpp"
#include "sbc/net/udp_socket.hpp"
#include "sip/prescreen.hpp"

namespace postern::net {

namespace {

/// Types of generic chunks.
enum class Chunk : std::uint16_t {
  family = 0x01,
  protocol = 0x02,
  source_v4 = 0x03,
  destination_v4 = 0x04,
  source_v6 = 0x05,
  destination_v6 = 0x06,
  source_port = 0x07,
  destination_port = 0x08,
  seconds = 0x09,
  microseconds = 0x0a,
  payload_type = 0x0b,
  agent_id = 0x0c,
  payload = 0x0f,
  correlation_id = 0x11,
  agent_name = 0x13,
};

constexpr std::uint16_t generic_vendor = 0;
constexpr std::size_t chunk_head = 6;  // vendor, type, and the length with these
constexpr std::uint8_t family_v4 = 2, family_v6 = 10;
constexpr std::uint8_t payload_is_sip = 1;
constexpr std::uint32_t agent_id = 5060;
constexpr std::string_view agent_name = "postern";

void put_chunk_head(std::string& out, Chunk type, std::size_t size) {
  sbc::put_number(out, generic_vendor);
  sbc::put_number(out, static_cast<std::uint16_t>(type));
  sbc::put_number(out, static_cast<std::uint16_t>(chunk_head + size));
}

template <class Number>
void put_chunk(std::string& out, Chunk type, Number number) {
  put_chunk_head(out, type, sizeof number);
  sbc::put_number(out, number);
}

void put_address_chunk(std::string& out, Chunk v4, Chunk v6, const acl::Address& address) {
  put_chunk_head(out, address.is_v4() ? v4 : v6, address.is_v4() ? sizeof(in_addr) : sizeof(in6_addr));
  sbc::put_address(out, address);
}

void put_agent_name(std::string& out, std::string_view reason) {
  put_chunk_head(out, Chunk::agent_name, agent_name.size() + (reason.empty() ? 0 : 1 + reason.size()));
  out += agent_name;
  if (!reason.empty()) out.append("/").append(reason);
}

std::chrono::microseconds since_1970(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch());
}

/// A token for each refused message that is copied.
const acl::RateLimit& refused_limit() {
  static const acl::RateLimit limit(HepMirror::refused_rate);
  return limit;
}

}  // namespace

void put_hep_head(std::string& out, const HepPacket& packet) {
  constexpr std::string_view magic = "HEP3";
  const std::size_t begin = out.size();
  out += magic;
  sbc::put_number(out, std::uint16_t{0});  // the length, once it is known
  put_chunk(out, Chunk::family, packet.source.address.is_v4() ? family_v4 : family_v6);
  put_chunk(out, Chunk::protocol, static_cast<std::uint8_t>(packet.stream ? IPPROTO_TCP : IPPROTO_UDP));
  put_address_chunk(out, Chunk::source_v4, Chunk::source_v6, packet.source.address);
  put_address_chunk(out, Chunk::destination_v4, Chunk::destination_v6, packet.destination.address);
  put_chunk(out, Chunk::source_port, packet.source.port);
  put_chunk(out, Chunk::destination_port, packet.destination.port);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(packet.time);
  put_chunk(out, Chunk::seconds, static_cast<std::uint32_t>(seconds.count()));
  put_chunk(out, Chunk::microseconds, static_cast<std::uint32_t>((packet.time - seconds).count()));
  put_chunk(out, Chunk::payload_type, payload_is_sip);
  put_chunk(out, Chunk::agent_id, agent_id);
  if (!packet.call_id.empty() && packet.call_id.size() <= HepMirror::longest_call_id) {
    put_chunk_head(out, Chunk::correlation_id, packet.call_id.size());
    out += packet.call_id;
  }
  put_agent_name(out, packet.reason);
  put_chunk_head(out, Chunk::payload, packet.message.size());
  const std::size_t length = out.size() - begin + packet.message.size();
  out[begin + magic.size()] = static_cast<char>(length >> 8U);
  out[begin + magic.size() + 1] = static_cast<char>(length & 0xffU);
}

void HepMirror::apply(const std::optional<sbc::Endpoint>& server) {
  if (server == server_) return;
  server_ = server;
  socket_.reset();
  tried_last_.reset();
  kept_.reserve(ReceiveBatch::capacity);
}

void HepMirror::keep(const sbc::Datagram& datagram, const sbc::Endpoint& local, sbc::Outcome outcome, acl::TimePoint received) {
  if (outcome == sbc::Outcome::garbage) return;
  const sbc::OutcomeInfo& end = info(outcome);
  const bool refused = end.kind == sbc::OutcomeKind::refused;
  if (refused && !refused_.take(refused_limit(), received)) {
    ++counters_.left_out;
    return;
  }
  HepPacket packet;
  packet.source = datagram.flow.peer;
  packet.destination = local;
  packet.stream = !sbc::is_datagram(datagram.flow.transport);
  if (refused) packet.reason = end.word;
  packet.message = datagram.bytes;
  kept_.push_back({packet, received});
}

void HepMirror::send_kept() {
  if (kept_.empty()) return;
  const acl::TimePoint now = acl::Clock::now();
  const std::chrono::microseconds wall = since_1970(std::chrono::system_clock::now());
  for (Kept& each : kept_) {
    each.packet.time = wall - std::chrono::duration_cast<std::chrono::microseconds>(now - each.received);
    send(each.packet);
  }
  kept_.clear();
}

void HepMirror::sent(const sbc::Outgoing& message, const sbc::Endpoint& local) {
  HepPacket packet;
  packet.source = local;
  packet.destination = message.flow.peer;
  packet.stream = !sbc::is_datagram(message.flow.transport);
  packet.time = since_1970(std::chrono::system_clock::now());
  packet.message = message.bytes;
  send(packet);
}

/// Only what is SIP, or begins like it.
void HepMirror::send(HepPacket& packet) {
  sip::RawMessage raw;
  const sip::PrescreenResult seen = sip::prescreen(packet.message, raw).result;
  if (seen != sip::PrescreenResult::message && seen != sip::PrescreenResult::malformed) return;
  packet.call_id = raw.call_id;
  head_.clear();
  put_hep_head(head_, packet);
  if (head_.size() + packet.message.size() > largest_packet) {
    ++counters_.left_out;
    return;
  }
  if (!is_open()) {
    ++counters_.failed;
    return;
  }
  // sendmsg(2) does not write to what it is given to send.
  std::array<iovec, 2> parts{{{head_.data(), head_.size()}, {const_cast<char*>(packet.message.data()), packet.message.size()}}};
  msghdr header{};
  header.msg_iov = parts.data();
  header.msg_iovlen = parts.size();
  if (::sendmsg(socket_.get(), &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
    ++counters_.sent;
  } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
    ++counters_.left_out;
  } else {
    ++counters_.failed;
    // That nobody listens there is the answer to a packet before. Anything else may be this socket's: its own address is gone, say.
    if (errno != ECONNREFUSED) socket_.reset();
  }
}

bool HepMirror::is_open() {
  if (socket_) return true;
  const acl::TimePoint now = acl::Clock::now();
  if (tried_last_ && now < *tried_last_ + retry) return false;
  tried_last_ = now;
  acl::FileDescriptor socket(::socket(family_of(server_->address), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return false;
  // Routers may cut large packets: else a small MTU on the way that nobody tells of would swallow them for good.
  constexpr int may_be_cut = IP_PMTUDISC_DONT;
  if (server_->address.is_v4()) ::setsockopt(socket.get(), IPPROTO_IP, IP_MTU_DISCOVER, &may_be_cut, sizeof may_be_cut);
  SocketAddress address{};
  const socklen_t length = fill(address, *server_);
  if (::connect(socket.get(), &address.any, length) != 0) return false;
  socket_ = std::move(socket);
  return true;
}

}  // namespace postern::net
