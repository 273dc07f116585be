// Where in the spool that stands which the database has to be told of.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "acl/keyed_hash.hpp"
#include "sbc/net/state_record.hpp"

namespace postern::net {

/// Of the records with one key only the last says what stands, and of what came and went meanwhile nothing needs to be said: where many
/// phones register anew that is nearly all. Keys are told apart by hashes of 64 bits with a secret.
class Unfolded {
 public:
  /// Octets of a spool's text.
  struct Place {
    std::size_t begin = 0, size = 0;
  };

  Unfolded();

  /// `is_new`: nothing of this key stands in the database that has not ended.
  void add(const Record& record, const Place& place, bool is_new);
  /// A text as the disk has it. False: its end is torn, and left out.
  bool add_read(std::string_view text);
  /// What this process has written behind `begin` octets; those of it that begin at `new_ones` (in order) are new. False: what it was
  /// cannot be told from some place on.
  bool add_written(std::string_view bytes, std::size_t begin, std::span<const std::size_t> new_ones);

  /// What is left of them, in their order.
  [[nodiscard]] std::vector<Place> places() const;
  /// Keeps the memory of what some ten thousand phones take.
  void clear();

 private:
  struct Last {
    Place place;
    bool is_new = false;  ///< the first one of its key was
  };
  /// Its bits need no more mixing.
  struct AsItIs {
    using is_avalanching = void;
    std::size_t operator()(std::uint64_t hash) const { return hash; }
  };

  acl::KeyedHash hash_;
  boost::unordered_flat_map<std::uint64_t, Last, AsItIs> last_;  // by the hash of kind and key
  std::vector<Place> marks_;                                     // they have no key
};

}  // namespace postern::net
