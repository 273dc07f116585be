// Tables that are told in slices, so that no packet waits for a long list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace postern::sbc {

/// Where the telling of a table goes on; a new one begins at the beginning. What stands in the table from the first slice to the last is
/// told once, however often it changes meanwhile; what comes after the first slice is left out.
struct ListCursor {
  std::uint64_t next = 0;            ///< serial number, or place
  std::optional<std::uint64_t> end;  ///< serial number: behind the last that there was at the first slice
};

/// `entries`: an ordered map by serial number, of which `next_serial` is the next that is given. Calls visit(value) for at most `limit`
/// entries. False: that was all.
template <class Map, class F>
bool next_slice(const Map& entries, std::uint64_t next_serial, ListCursor& cursor, std::size_t limit, F&& visit) {
  if (!cursor.end) cursor.end = next_serial;
  auto entry = entries.lower_bound(cursor.next);
  for (; limit > 0 && entry != entries.end() && entry->first < *cursor.end; ++entry, --limit) visit(entry->second);
  cursor.next = entry == entries.end() ? *cursor.end : entry->first;
  return cursor.next < *cursor.end;
}

}  // namespace postern::sbc
