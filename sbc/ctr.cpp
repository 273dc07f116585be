#include "sbc/ctr.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace postern::sbc {
namespace {

constexpr std::size_t blocks_at_once = 8;  // most texts fit

Block block_of(const Mac128& counter) {
  Block block{};
  for (std::size_t i = 0; i < 8; ++i) {
    block[i] = static_cast<std::uint8_t>(counter.high >> (56 - 8 * i));
    block[8 + i] = static_cast<std::uint8_t>(counter.low >> (56 - 8 * i));
  }
  return block;
}

}  // namespace

void Ctr::apply(const Mac128& vector, std::span<std::uint8_t> bytes) {
  Mac128 counter = vector;
  std::array<Block, blocks_at_once> key_stream{};
  while (!bytes.empty()) {
    const std::size_t size = std::min(bytes.size(), sizeof key_stream);
    const std::span<Block> blocks = std::span(key_stream).first((size + sizeof(Block) - 1) / sizeof(Block));
    for (Block& block : blocks) {
      block = block_of(counter);
      if (++counter.low == 0) ++counter.high;
    }
    aes_.encrypt(blocks);
    for (std::size_t i = 0; i < size; ++i) bytes[i] ^= key_stream[i / sizeof(Block)][i % sizeof(Block)];
    bytes = bytes.subspan(size);
  }
}

}  // namespace postern::sbc
