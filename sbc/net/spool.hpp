// Where changes stand from the moment that a datagram may tell of them until the database has them.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "acl/file_descriptor.hpp"

namespace postern::net {

/// Two files, `spool.0` and `spool.1`: one thread appends to one of them while another folds what stands in the other into the database.
/// What was appended is in the kernel's hands: it outlives the process's kill, though not the machine's. No locks: a file belongs to one
/// side at a time.
class Spool {
 public:
  /// More than so much in one file means that nobody folds: nothing more is taken.
  static constexpr std::size_t most_bytes = 64U << 20U;

  /// What stands in the files of a folder, the older first: each text is a row of records, perhaps torn at its end. A file that is not a
  /// spool or cannot be read is left out and counted.
  struct Left {
    std::vector<std::string> texts;
    int unreadable = 0;
  };
  static Left read(int folder);

  /// Empties both files, the older first, and makes them where need be. Throws std::system_error.
  explicit Spool(int folder);

  // Of the appending thread:
  /// One write() to the end of the file. False, and nothing stands there: errno says why.
  bool append(std::string_view records);
  /// There is something in the file, and the other one is free.
  [[nodiscard]] bool may_hand_over() const { return size() != 0 && !is_handed_over(); }
  /// Gives the file away. Only where may_hand_over().
  void hand_over();
  /// Octets of records that have not been handed over yet.
  [[nodiscard]] std::size_t size() const { return files_.at(current_).size; }

  // Of the folding thread:
  /// A file was handed over and is not emptied yet.
  [[nodiscard]] bool is_handed_over() const { return handed_over_.load(std::memory_order_acquire) != none; }
  /// So many octets of its records, behind `begin` of them; it holds until the next call. Empty: somebody has cut the file. Throws
  /// std::system_error.
  std::string_view read_handed_over(std::size_t begin, std::size_t size);
  /// It is in the database. Throws std::system_error.
  void empty_handed_over();

 private:
  static constexpr int none = -1;
  struct File {
    acl::FileDescriptor fd;
    std::size_t size = 0;  ///< of the records in it
  };

  std::array<File, 2> files_;
  std::size_t current_ = 0;
  std::uint64_t generation_ = 0;
  std::atomic<int> handed_over_ = none;
  // Of the folding thread: what was read last.
  std::string window_;
  std::size_t window_begin_ = 0;
};

}  // namespace postern::net
