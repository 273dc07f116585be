#include "sbc/net/steering.hpp"

#include <linux/filter.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "sbc/net/socket_option.hpp"

namespace postern::net {
namespace {

// The last steps of MurmurHash3: each bit of the input changes half of the output's.
constexpr std::uint32_t first_factor = 0x85ebca6b;
constexpr std::uint32_t second_factor = 0xc2b2ae35;
constexpr std::uint32_t first_shift = 16, second_shift = 13;

std::uint32_t mixed(std::uint32_t hash) {
  hash ^= hash >> first_shift;
  hash *= first_factor;
  hash ^= hash >> second_shift;
  hash *= second_factor;
  return hash ^ hash >> first_shift;
}

// Where the addresses stand in their headers (RFC 791 §3.1, RFC 8200 §3).
constexpr std::uint32_t v4_source = 12;
constexpr std::uint32_t v6_source = 8;
constexpr std::uint32_t word = 4;

constexpr sock_filter op(int code, std::uint32_t value = 0) { return {static_cast<std::uint16_t>(code), 0, 0, value}; }
constexpr std::uint32_t in_network_header(std::uint32_t offset) { return static_cast<std::uint32_t>(SKF_NET_OFF) + offset; }

/// A ^= A >> shift
#define POSTERN_XOR_SHIFT(shift) op(BPF_MISC | BPF_TAX), op(BPF_ALU | BPF_RSH | BPF_K, shift), op(BPF_ALU | BPF_XOR | BPF_X)
/// A = mixed(A)
#define POSTERN_MIX                                                                                             \
  POSTERN_XOR_SHIFT(first_shift), op(BPF_ALU | BPF_MUL | BPF_K, first_factor), POSTERN_XOR_SHIFT(second_shift), \
      op(BPF_ALU | BPF_MUL | BPF_K, second_factor), POSTERN_XOR_SHIFT(first_shift)

}  // namespace

std::uint16_t Steering::worker_of(const acl::Address& source) const {
  std::uint32_t hash = 0;
  if (source.is_v4()) {
    hash = mixed(source.v4_value() ^ seed_);
  } else {
    const auto& bytes = source.bytes();
    const auto word_at = [&bytes](std::size_t at) {
      return std::uint32_t{bytes[at]} << 24U | std::uint32_t{bytes[at + 1]} << 16U | std::uint32_t{bytes[at + 2]} << 8U | bytes[at + 3];
    };
    hash = mixed(mixed(word_at(0) ^ seed_) ^ word_at(word));
  }
  return static_cast<std::uint16_t>(hash % workers_);
}

void Steering::attach(int fd) const {
  constexpr std::uint32_t version_shift = 4;
  std::array program{
      op(BPF_LD | BPF_B | BPF_ABS, in_network_header(0)),
      op(BPF_ALU | BPF_RSH | BPF_K, version_shift),
      op(BPF_JMP | BPF_JEQ | BPF_K, 4),  // where to, if not, stands in below
      op(BPF_LD | BPF_W | BPF_ABS, in_network_header(v4_source)),
      op(BPF_JMP | BPF_JA),  // the same
      // IPv6: the first half of the /64 alone, then with the other
      op(BPF_LD | BPF_W | BPF_ABS, in_network_header(v6_source)),
      op(BPF_ALU | BPF_XOR | BPF_K, seed_),
      POSTERN_MIX,
      op(BPF_ST),
      op(BPF_LD | BPF_W | BPF_ABS, in_network_header(v6_source + word)),
      op(BPF_LDX | BPF_W | BPF_MEM),
      op(BPF_ALU | BPF_XOR | BPF_X),
      op(BPF_JMP | BPF_JA, 1),  // the seed is in it
      op(BPF_ALU | BPF_XOR | BPF_K, seed_),
      POSTERN_MIX,
      op(BPF_ALU | BPF_MOD | BPF_K, workers_),
      op(BPF_RET | BPF_A),
  };
  constexpr std::size_t branch = 2, v4_ends = 4, v6_begins = 5;
  constexpr std::size_t tail = 1 + 11 + 2;  // the seed, the mixing, the end
  program[branch].jf = v6_begins - branch - 1;
  program[v4_ends].k = static_cast<std::uint32_t>(program.size() - tail - v4_ends - 1);
  const sock_fprog steering{static_cast<unsigned short>(program.size()), program.data()};
  if (::setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &steering, sizeof steering) != 0)
    throw std::system_error(errno, std::generic_category());
}

void Steering::close_ears(int fd) {
  std::array program{op(BPF_RET | BPF_K, 0)};
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  if (::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0 && errno != EPERM)
    throw std::system_error(errno, std::generic_category());
}

void Steering::open_ears(int fd) {
  const int none = 0;
  // There is none where they were never closed.
  ::setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof none);
}

}  // namespace postern::net
