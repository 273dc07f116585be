#include "sbc/text_pool.hpp"

#include <gtest/gtest.h>

namespace postern::sbc {
namespace {

TEST(TextPool, GivesTheBufferThatCameLast) {
  TextPool pool(10'000);
  std::string one;
  std::string two;
  pool.fill(one, std::string(700, '1'));
  pool.fill(two, std::string(600, '2'));
  const char* const last = two.data();
  pool.take_back(one);
  pool.take_back(two);
  EXPECT_EQ(pool.bytes(), 2 * TextPool::room_for(700));
  EXPECT_TRUE(two.empty());
  EXPECT_EQ(TextPool::bytes_of(two), 0U);

  std::string next;
  pool.fill(next, std::string(650, 'n'));
  EXPECT_EQ(next, std::string(650, 'n'));
  EXPECT_EQ(next.data(), last);
  EXPECT_EQ(pool.bytes(), TextPool::room_for(700));
}

TEST(TextPool, RoomIsWhatATextTakes) {
  TextPool pool(10'000);
  for (const std::size_t size : {0, 1, 15, 16, 255, 256, 1000, 2047, 2048, 9000}) {
    std::string text;
    pool.fill(text, std::string(size, 'x'));
    EXPECT_EQ(text.size(), size);
    EXPECT_EQ(TextPool::bytes_of(text), TextPool::room_for(size)) << size;
  }
}

TEST(TextPool, KeepsNeitherLongTextsNorMoreThanItsLimit) {
  TextPool pool(600);
  std::string large(5000, 'x');
  pool.take_back(large);
  EXPECT_EQ(pool.bytes(), 0U);
  EXPECT_EQ(TextPool::bytes_of(large), 0U);
  for (int i = 0; i < 4; ++i) {
    std::string text;
    text.reserve(TextPool::room_for(200));
    pool.take_back(text);
  }
  EXPECT_LE(pool.bytes(), 600U);
  EXPECT_GE(pool.bytes(), 500U);
}

TEST(TextPool, ABufferOfAnotherSizeIsNotTakenForOneOfIts) {
  TextPool pool(10'000);
  std::string grown;
  grown.reserve(300);  // by somebody else
  pool.take_back(grown);
  EXPECT_EQ(pool.bytes(), 0U);
}

}  // namespace
}  // namespace postern::sbc
