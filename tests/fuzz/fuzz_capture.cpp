// Captures: whatever the file says, what comes out of it lies within a datagram's or a message's bounds, and in time.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "sbc/net/capture.hpp"
#include "sip/prescreen.hpp"

namespace {

using namespace postern;  // NOLINT(google-build-using-namespace): a program of one file

class Sink : public net::CaptureSink {
 public:
  bool wants(sbc::Transport /*transport*/, const sbc::Endpoint& /*source*/, const sbc::Endpoint& /*destination*/) override { return true; }

  void on_message(const sbc::SeenMessage& seen) override {
    // One segment may bring more than a message can have, if that is none.
    const bool sized = seen.bytes.size() <= 2 * sip::Bounds::message;
    const bool timed = seen.time >= std::chrono::seconds{0} && seen.time <= std::chrono::seconds{UINT32_MAX} + std::chrono::seconds{1};
    if (!sized || !timed || seen.packet < last_) std::abort();
    last_ = seen.packet;
    sip::RawMessage message;
    sip::prescreen(seen.bytes, message);
  }

 private:
  std::uint64_t last_ = 0;
};

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  // It is opened to be read.
  std::FILE* const file = fmemopen(const_cast<std::uint8_t*>(data), size, "rb");  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  if (file == nullptr) return 0;
  Sink sink;
  postern::net::read_capture(file, sink);
  return 0;
}
