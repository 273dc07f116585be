#include "sbc/net/send_batch.hpp"

#include <netinet/udp.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace postern::net {
namespace {

constexpr std::size_t most_octets = 65'000;  // of a long datagram, less than IP allows

constexpr std::array<char, SendBatch::most_padding> make_spaces() {
  std::array<char, SendBatch::most_padding> spaces{};
  spaces.fill(' ');
  return spaces;
}
constexpr std::array<char, SendBatch::most_padding> spaces = make_spaces();

bool is_large(const sbc::Outgoing& datagram) { return datagram.bytes.size() > SendBatch::most_uncut; }

/// sendmmsg() takes no const pieces, though it changes none.
iovec piece(std::string_view bytes) {
  return {const_cast<char*>(bytes.data()), bytes.size()};  // NOLINT(cppcoreguidelines-pro-type-const-cast)
}

template <class Value>
void add_control(msghdr& header, int level, int type, const Value& value) {
  auto* item = reinterpret_cast<cmsghdr*>(static_cast<char*>(header.msg_control) + header.msg_controllen);
  std::memset(item, 0, CMSG_SPACE(sizeof value));
  item->cmsg_level = level;
  item->cmsg_type = type;
  item->cmsg_len = CMSG_LEN(sizeof value);
  std::memcpy(CMSG_DATA(item), &value, sizeof value);
  header.msg_controllen += CMSG_SPACE(sizeof value);
}

void name_source(msghdr& header, const acl::Address& local) {
  if (local.is_v4()) {
    in_pktinfo info{};
    info.ipi_spec_dst = to_in_addr(local);
    add_control(header, IPPROTO_IP, IP_PKTINFO, info);
  } else {
    in6_pktinfo info{};
    info.ipi6_addr = to_in6_addr(local);
    add_control(header, IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
}

/// Requests for the PBX that can leave as one: all but the last have to be as long as the longest.
class Joined {
 public:
  explicit Joined(const sbc::Outgoing& first) : first_(first), longest_(first.bytes.size()) { take(first); }

  /// False: not that one.
  bool add(const sbc::Outgoing& next) {
    const std::size_t longest = std::max(longest_, next.bytes.size());
    const bool may_pad = first_.pad_at != 0 && next.pad_at != 0;
    const bool same_way = next.flow.peer == first_.flow.peer && next.flow.local == first_.flow.local;
    if (!may_pad || !same_way || longest - shortest_ > SendBatch::most_padding) return false;
    if (is_large(next) || (count_ + 1) * longest > most_octets) return false;
    longest_ = longest;
    take(next);
    return true;
  }
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::size_t segment() const { return longest_; }

 private:
  void take(const sbc::Outgoing& datagram) {
    ++count_;
    shortest_ = std::min(shortest_, datagram.bytes.size());
  }

  const sbc::Outgoing& first_;
  std::size_t count_ = 0;
  std::size_t longest_;
  std::size_t shortest_ = SIZE_MAX;
};

}  // namespace

bool SendBatch::take(std::span<const sbc::Outgoing* const> datagrams, const How& how) {
  size_ = 0;
  pieces_used_ = 0;
  const bool cut = how.cuts || is_large(*datagrams.front());
  datagrams = datagrams.first(std::min(datagrams.size(), capacity));
  while (!datagrams.empty() && (cut || !is_large(*datagrams.front()))) {
    Joined joined(*datagrams.front());
    while (how.joins && !cut && joined.count() < datagrams.size() && joined.add(*datagrams[joined.count()])) {
    }
    const auto row = datagrams.first(joined.count());
    if (row.size() >= least_joined) {
      add(row, joined.segment(), how.names_source);
    } else {
      for (std::size_t i = 0; i < row.size(); ++i) add(row.subspan(i, 1), 0, how.names_source);
    }
    datagrams = datagrams.subspan(row.size());
  }
  return cut;
}

void SendBatch::add(std::span<const sbc::Outgoing* const> joined, std::size_t segment, bool names_source) {
  const sbc::Flow& flow = joined.front()->flow;
  msghdr& header = headers_[size_].msg_hdr;
  header = msghdr{};
  header.msg_name = &peers_[size_];
  header.msg_namelen = fill(peers_[size_], flow.peer);
  header.msg_iov = &pieces_[pieces_used_];
  const std::size_t before = pieces_used_;
  for (std::size_t i = 0; i < joined.size(); ++i) {
    const bool is_last = i + 1 == joined.size();
    add_pieces(*joined[i], is_last ? 0 : segment - joined[i]->bytes.size());
  }
  header.msg_iovlen = pieces_used_ - before;
  header.msg_control = controls_[size_].bytes.data();
  if (names_source && !flow.local.is_unspecified()) name_source(header, flow.local);
  if (joined.size() > 1) add_control(header, IPPROTO_UDP, UDP_SEGMENT, static_cast<std::uint16_t>(segment));
  if (header.msg_controllen == 0) header.msg_control = nullptr;
  ends_[size_] = joined.size() + (size_ == 0 ? 0 : ends_[size_ - 1]);
  ++size_;
}

void SendBatch::add_pieces(const sbc::Outgoing& datagram, std::size_t padding) {
  const std::string_view bytes = datagram.bytes;
  if (padding == 0) {
    pieces_[pieces_used_++] = piece(bytes);
    return;
  }
  pieces_[pieces_used_++] = piece(bytes.substr(0, datagram.pad_at));
  pieces_[pieces_used_++] = piece({spaces.data(), padding});
  pieces_[pieces_used_++] = piece(bytes.substr(datagram.pad_at));
}

}  // namespace postern::net
