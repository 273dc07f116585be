#include "sbc/net/waiting_notes.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace postern::net {
namespace {

std::size_t entered(WaitingNotes& notes, std::size_t tries, bool may_be_lost) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < tries; ++i) count += notes.enter(may_be_lost) ? 1 : 0;
  return count;
}

/// Notes for a worker that did not come to them took all memory.
TEST(WaitingNotes, AreBoundedWithAReserveForWhatNobodyTellsAgain) {
  WaitingNotes notes;
  EXPECT_EQ(entered(notes, 100'000, true), WaitingNotes::most);
  EXPECT_EQ(entered(notes, 100'000, false), WaitingNotes::reserve);
  EXPECT_EQ(notes.size(), WaitingNotes::most + WaitingNotes::reserve);
  EXPECT_EQ(notes.lost(), 200'000U - notes.size());
  notes.leave();
  EXPECT_FALSE(notes.enter(true));
  EXPECT_TRUE(notes.enter(false));
}

TEST(WaitingNotes, AreCountedByThreadsTogether) {
  WaitingNotes notes;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&notes] {
      for (int turn = 0; turn < 20'000; ++turn) {
        if (notes.enter(turn % 2 == 0)) notes.leave();
      }
    });
  }
  threads.clear();
  EXPECT_EQ(notes.size(), 0U);
  EXPECT_EQ(notes.lost(), 0U);
}

}  // namespace
}  // namespace postern::net
