// Memory that is going to be looked at.
#pragma once

#include <cstddef>

namespace postern::acl {

constexpr std::size_t cache_line = 64;

/// Begins to bring the cache lines of `size` octets at `begin` near to the processor, which goes on meanwhile.
inline void fetch(const void* begin, std::size_t size) {
  const auto line_at = [begin](std::size_t offset) { __builtin_prefetch(static_cast<const char*>(begin) + offset); };
  for (std::size_t offset = 0; offset < size; offset += cache_line) line_at(offset);
  if (size > 1) line_at(size - 1);  // the last line, where it begins within one
  // GCC takes a function that does nothing but prefetch for one without an effect, and leaves its calls out.
  __asm__ volatile("");
}

}  // namespace postern::acl
