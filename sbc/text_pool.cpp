#include "sbc/text_pool.hpp"

namespace postern::sbc {
namespace {

const std::size_t inside = std::string().capacity();

}  // namespace

std::size_t TextPool::room_for(std::size_t size) {
  if (size <= inside) return 0;
  return size > longest ? size : size / step * step + step - 1;
}

std::size_t TextPool::bytes_of(const std::string& text) { return text.capacity() > inside ? text.capacity() : 0; }

void TextPool::fill(std::string& text, std::string_view value) {
  if (const std::size_t room = room_for(value.size()); room > 0 && room <= longest) {
    std::vector<std::string>& spare = spare_[room / step];
    if (spare.empty()) {
      text.reserve(room);
    } else {
      text.swap(spare.back());
      spare.pop_back();
      bytes_ -= bytes_of(text);
    }
  }
  text.assign(value);
}

void TextPool::take_back(std::string& text) {
  std::string buffer;
  buffer.swap(text);
  const std::size_t size = bytes_of(buffer);
  // What somebody else has grown is of another size.
  if (size == 0 || size > longest || size % step != step - 1 || bytes_ + size > limit_) return;
  bytes_ += size;
  buffer.clear();
  spare_[size / step].push_back(std::move(buffer));
}

}  // namespace postern::sbc
