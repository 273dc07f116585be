// Memory for large tables.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <new>

namespace postern::acl {

/// For std::vector: what is looked up here and there in many megabytes costs less where one page holds two of them. The kernel is asked for
/// such pages, and where it has none all is as without.
template <class T>
struct HugePages {
  using value_type = T;

  HugePages() = default;
  template <class U>
  explicit HugePages(const HugePages<U>& /*other*/) {}
  bool operator==(const HugePages& /*other*/) const { return true; }

  [[nodiscard]] T* allocate(std::size_t count) {
    const std::size_t bytes = count * sizeof(T);
    if (bytes < page) return static_cast<T*>(::operator new(bytes, std::align_val_t{alignof(T)}));
    void* memory = ::operator new((bytes + page - 1) / page * page, std::align_val_t{page});
    static_cast<void>(::madvise(memory, bytes, MADV_HUGEPAGE));
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t count) {
    ::operator delete(memory, std::align_val_t{count * sizeof(T) < page ? alignof(T) : page});
  }

 private:
  static constexpr std::size_t page = std::size_t{2} << 20U;
};

}  // namespace postern::acl
