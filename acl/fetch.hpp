// Memory that is going to be looked at.
#pragma once

#include <cstddef>

namespace postern::acl {

constexpr std::size_t cache_line = 64;

/// Begins to bring the cache line at `address` near, and waits for nothing. A load that nobody uses, since a prefetch is dropped by some
/// processors where the page's place is not near either, as it is with large tables.
inline void fetch(const void* address) {
  const unsigned char octet = *static_cast<const volatile unsigned char*>(address);
  asm volatile("" : : "r"(octet));
}

}  // namespace postern::acl
