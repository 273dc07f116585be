// A stream of octets: however it is cut into pieces, the same messages come out of it, and all of its octets.
//
// The first byte of an input chooses the cuts, the rest is the stream.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sbc/net/stream_framer.hpp"

namespace {

using postern::net::StreamFramer;
using Kind = StreamFramer::Kind;
using Pieces = std::vector<std::pair<Kind, std::string>>;

/// Reads `stream` as a connection does, `step` octets at a time. Line ends between messages count only by what they ask for.
Pieces read(std::string_view stream, std::size_t step) {
  StreamFramer framer;
  Pieces out;
  std::string held;
  while (!stream.empty()) {
    const std::string_view came = stream.substr(0, step);
    stream.remove_prefix(came.size());
    held += came;
    while (!held.empty()) {
      const StreamFramer::Piece piece = framer.next(held);
      if (piece.kind == Kind::incomplete) break;
      if (piece.bytes.empty() || piece.bytes.size() > held.size() || piece.bytes.data() != held.data()) std::abort();
      if (piece.kind != Kind::keep_alive)
        out.emplace_back(piece.kind, piece.kind == Kind::message ? std::string(piece.bytes) : std::string());
      if (piece.kind == Kind::broken) return out;
      held.erase(0, piece.bytes.size());
    }
  }
  return out;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Pieces whole = read(stream, std::max<std::size_t>(stream.size(), 1));
  if (read(stream, 1 + data[0] % 64) != whole) std::abort();
  return 0;
}
