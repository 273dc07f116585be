#include "sbc/net/spool.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "sbc/bytes.hpp"

namespace postern::net {
namespace {

constexpr std::array<const char*, 2> names{"spool.0", "spool.1"};
constexpr std::string_view magic = "PSTSPL01";
constexpr std::size_t header_size = magic.size() + sizeof(std::uint64_t);

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

/// All that stands in a file takes the place of what is in `text`. False: it cannot be read.
bool read_whole(int fd, std::string& text) {
  struct stat status{};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size < 0) return false;
  text.resize(std::min(static_cast<std::size_t>(status.st_size), Spool::most_bytes));
  std::size_t got = 0;
  while (got < text.size()) {
    const ssize_t count = ::pread(fd, text.data() + got, text.size() - got, static_cast<off_t>(got));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return false;
    if (count == 0) break;
    got += static_cast<std::size_t>(count);
  }
  text.resize(got);
  return true;
}

/// 0: nothing was appended whole.
std::uint64_t generation_of(int fd) {
  std::string header(header_size, '\0');
  const ssize_t got = ::pread(fd, header.data(), header.size(), 0);
  if (got != static_cast<ssize_t>(header.size()) || !header.starts_with(magic)) return 0;
  return sbc::ByteReader(std::string_view(header).substr(magic.size())).number<std::uint64_t>();
}

}  // namespace

Spool::Left Spool::read(int folder) {
  Left left;
  std::vector<std::pair<std::uint64_t, std::string>> found;
  for (const char* name : names) {
    const acl::FileDescriptor file(::openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (!file && errno == ENOENT) continue;
    std::string text;
    const bool is_read = file && read_whole(file.get(), text);
    if (is_read && text.size() < header_size) continue;  // nothing was appended whole
    if (!is_read || !text.starts_with(magic)) {
      ++left.unreadable;
      continue;
    }
    sbc::ByteReader reader(std::string_view(text).substr(magic.size()));
    const auto generation = reader.number<std::uint64_t>();
    found.emplace_back(generation, text.substr(header_size));
  }
  std::ranges::sort(found);
  for (auto& [generation, text] : found) left.texts.push_back(std::move(text));
  return left;
}

Spool::Spool(int folder) {
  for (std::size_t i = 0; i < files_.size(); ++i) {
    File& file = files_.at(i);
    file.fd = acl::FileDescriptor(::openat(folder, names.at(i), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600));
    if (!file.fd) fail(names.at(i));
  }
  // The older first: a kill in between must not leave it to be folded over what is newer.
  const std::size_t older = generation_of(files_.at(0).fd.get()) < generation_of(files_.at(1).fd.get()) ? 0 : 1;
  for (const std::size_t i : {older, 1 - older}) {
    if (::ftruncate(files_.at(i).fd.get(), 0) != 0) fail(names.at(i));
  }
}

bool Spool::append(std::string_view records) {
  File& file = files_.at(current_);
  if (header_size + file.size + records.size() > most_bytes) {
    errno = EFBIG;
    return false;
  }
  std::string header;
  if (file.size == 0) {
    header = magic;
    sbc::put_number(header, generation_);
  }
  // writev() takes no const parts, though it changes none.
  std::array<iovec, 2> parts{{{header.data(), header.size()}, {const_cast<char*>(records.data()), records.size()}}};  // NOLINT
  const std::size_t wanted = header.size() + records.size();
  const std::size_t begin = file.size == 0 ? 0 : header_size + file.size;
  const ssize_t written = ::pwritev(file.fd.get(), parts.data(), static_cast<int>(parts.size()), static_cast<off_t>(begin));
  if (written == static_cast<ssize_t>(wanted)) {
    file.size += records.size();
    return true;
  }
  const int error = written < 0 ? errno : ENOSPC;
  // Half of it must not stand before what comes next.
  if (written > 0 && ::ftruncate(file.fd.get(), static_cast<off_t>(begin)) != 0) file.size = most_bytes;
  errno = error;
  return false;
}

void Spool::hand_over() {
  handed_over_.store(static_cast<int>(current_), std::memory_order_release);
  current_ = 1 - current_;
  files_.at(current_).size = 0;
  ++generation_;
}

std::string_view Spool::read_handed_over(std::size_t begin, std::size_t size) {
  constexpr std::size_t usual = 4096;  // records that are asked for may lie close together, or far from each other
  if (begin < window_begin_ || begin + size > window_begin_ + window_.size()) {
    const int fd = files_.at(static_cast<std::size_t>(handed_over_.load(std::memory_order_acquire))).fd.get();
    window_.resize(std::max(size, usual));
    window_begin_ = begin;
    const ssize_t got = ::pread(fd, window_.data(), window_.size(), static_cast<off_t>(header_size + begin));
    window_.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0) fail("read the spool");
    if (window_.size() < size) return {};
  }
  return std::string_view(window_).substr(begin - window_begin_, size);
}

void Spool::empty_handed_over() {
  const int index = handed_over_.load(std::memory_order_acquire);
  if (index == none) return;
  if (::ftruncate(files_.at(static_cast<std::size_t>(index)).fd.get(), 0) != 0) fail("empty the spool");
  window_.clear();
  handed_over_.store(none, std::memory_order_release);
}

}  // namespace postern::net
