#include "sbc/net/spool.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

#include "tests/sbc_net/state_support.hpp"

namespace postern::net {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class SpoolTest : public FolderTest {
 protected:
  void SetUp() override {
    FolderTest::SetUp();
    fd_ = acl::FileDescriptor(::open(folder().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  [[nodiscard]] std::vector<std::string> left() const { return Spool::read(fd_.get()).texts; }

  acl::FileDescriptor fd_;
};

TEST_F(SpoolTest, WhatIsAppendedStandsThereAtOnce) {
  Spool spool(fd_.get());
  EXPECT_THAT(left(), IsEmpty());
  EXPECT_TRUE(spool.append("one"));
  EXPECT_TRUE(spool.append("two"));
  EXPECT_THAT(left(), ElementsAre("onetwo"));
}

TEST_F(SpoolTest, TheFilesTakeTurnsAndAreReadInOrder) {
  Spool spool(fd_.get());
  EXPECT_FALSE(spool.may_hand_over()) << "nothing is there";
  for (int turn = 0; turn < 3; ++turn) {
    EXPECT_TRUE(spool.append("old"));
    EXPECT_TRUE(spool.may_hand_over());
    EXPECT_FALSE(spool.is_handed_over());
    spool.hand_over();
    EXPECT_TRUE(spool.append("new"));
    EXPECT_TRUE(spool.is_handed_over());
    EXPECT_FALSE(spool.may_hand_over()) << "the other one is not free";
    EXPECT_THAT(left(), ElementsAre("old", "new"));
    spool.empty_handed_over();
    EXPECT_THAT(left(), ElementsAre("new"));
    spool.hand_over();
    spool.empty_handed_over();
    EXPECT_THAT(left(), IsEmpty());
  }
}

TEST_F(SpoolTest, WhatWasHandedOverCanBeReadAgain) {
  Spool spool(fd_.get());
  std::string text;
  for (int i = 0; i < 5000; ++i) text += std::to_string(i) + ",";
  ASSERT_TRUE(spool.append(text.substr(0, 10)));
  EXPECT_EQ(spool.size(), 10U);
  ASSERT_TRUE(spool.append(text.substr(10)));
  spool.hand_over();
  ASSERT_TRUE(spool.append("another file"));
  for (const auto& [begin, size] :
       {std::pair<std::size_t, std::size_t>{0, 1}, {9, 3}, {100, 9000}, {9099, 2}, {4, 4}, {text.size() - 5, 5}})
    EXPECT_EQ(spool.read_handed_over(begin, size), text.substr(begin, size)) << begin;
  EXPECT_EQ(spool.read_handed_over(text.size() - 5, 6), "") << "it ends before";
  ASSERT_EQ(::truncate((folder() / "spool.0").c_str(), 0), 0);
  EXPECT_EQ(spool.read_handed_over(0, 10), "");
  spool.empty_handed_over();
  spool.hand_over();
  EXPECT_EQ(spool.read_handed_over(0, 7), "another") << "nothing is left of what was read of the other one";
}

TEST_F(SpoolTest, ItBeginsEmptyAndForItselfAlone) {
  ASSERT_TRUE(Spool(fd_.get()).append("before"));
  EXPECT_THAT(left(), ElementsAre("before"));
  const Spool spool(fd_.get());
  EXPECT_THAT(left(), IsEmpty());
  struct stat status{};
  ASSERT_EQ(::stat((folder() / "spool.0").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(SpoolTest, TheOlderFileIsEmptiedFirst) {
  for (const bool turned : {false, true}) {
    {
      Spool spool(fd_.get());
      ASSERT_TRUE(spool.append("old"));
      spool.hand_over();
      if (turned) {
        spool.empty_handed_over();
        ASSERT_TRUE(spool.append("older"));
        spool.hand_over();
      }
      ASSERT_TRUE(spool.append("newer"));
    }
    const acl::FileDescriptor events(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    const int first = ::inotify_add_watch(events.get(), (folder() / (turned ? "spool.1" : "spool.0")).c_str(), IN_MODIFY);
    ASSERT_GE(first, 0);
    ASSERT_GE(::inotify_add_watch(events.get(), (folder() / (turned ? "spool.0" : "spool.1")).c_str(), IN_MODIFY), 0);
    const Spool spool(fd_.get());
    inotify_event event{};
    ASSERT_EQ(::read(events.get(), &event, sizeof event), static_cast<ssize_t>(sizeof event));
    EXPECT_EQ(event.wd, first) << turned;
  }
}

TEST_F(SpoolTest, NothingIsEmptiedWhereOneCannotBeOpened) {
  ASSERT_TRUE(Spool(fd_.get()).append("before"));
  std::filesystem::remove(folder() / "spool.1");
  std::filesystem::create_directory(folder() / "spool.1");
  EXPECT_THROW(Spool(fd_.get()), std::system_error);
  EXPECT_THAT(left(), ElementsAre("before"));
}

TEST_F(SpoolTest, OtherFilesAreLeftOut) {
  write("spool.0", "something else, and long enough");
  EXPECT_EQ(Spool::read(fd_.get()).unreadable, 1);
  std::filesystem::remove(folder() / "spool.0");
  ASSERT_EQ(::mkfifo((folder() / "spool.0").c_str(), 0600), 0);
  EXPECT_EQ(Spool::read(fd_.get()).unreadable, 1);
  std::filesystem::remove(folder() / "spool.0");
  write("spool.0", "PSTSPL01");
  EXPECT_EQ(Spool::read(fd_.get()).unreadable, 0) << "torn before its first record";
  EXPECT_THAT(left(), IsEmpty());
}

TEST_F(SpoolTest, AFullDiskLeavesNoHalfOfARecord) {
  Spool spool(fd_.get());
  ASSERT_TRUE(spool.append(std::string(100, 'a')));
  // The file may not grow as far as this one would: a part of it is written.
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 200;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const bool written = spool.append(std::string(1000, 'b'));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_FALSE(written);
  EXPECT_THAT(left(), ElementsAre(std::string(100, 'a')));
  EXPECT_TRUE(spool.append("c"));
  EXPECT_THAT(left(), ElementsAre(std::string(100, 'a') + "c"));
}

TEST_F(SpoolTest, ItIsBounded) {
  Spool spool(fd_.get());
  const std::string much(Spool::most_bytes / 2, 'x');
  EXPECT_TRUE(spool.append(much));
  EXPECT_FALSE(spool.append(much));
  EXPECT_EQ(errno, EFBIG);
}

}  // namespace
}  // namespace postern::net
