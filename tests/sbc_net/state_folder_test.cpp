#include "sbc/net/state_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

#include "sbc/net/start_error.hpp"

namespace postern::net {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

constexpr std::size_t key_size = 64 + 8 + 1;  // a secret, since when it seals, no old ones

class StateFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "postern-state-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    parent_ = name;
  }
  void TearDown() override { fs::remove_all(parent_); }

  [[nodiscard]] fs::path folder() const { return parent_ / "state"; }
  [[nodiscard]] fs::path key() const { return folder() / "key"; }
  sbc::Secrets secrets() const { return StateFolder(folder().string()).secrets(); }
  [[nodiscard]] std::string refusal() const {
    try {
      secrets();
    } catch (const StartError& error) {
      return error.what();
    }
    return "";
  }
  void write_key(const std::string& bytes, mode_t mode) const {
    std::ofstream(key(), std::ios::binary) << bytes;
    ::chmod(key().c_str(), mode);
  }

 private:
  fs::path parent_;
};

unsigned mode_of(const fs::path& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
}

std::string content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST_F(StateFolderTest, MakesFolderAndKeyForItselfAlone) {
  secrets();
  EXPECT_EQ(mode_of(folder()), 0700U);
  EXPECT_EQ(mode_of(key()), 0600U);
  EXPECT_EQ(fs::file_size(key()), key_size);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder()), fs::directory_iterator()), 1) << "a temporary file is left";
}

TEST_F(StateFolderTest, KeepsTheSecretButNotTheSeed) {
  const sbc::Secrets first = secrets();
  const sbc::Secrets second = secrets();
  EXPECT_EQ(first.secret, second.secret);
  EXPECT_NE(first.secret, decltype(first.secret){});
  EXPECT_NE(first.table_seed, second.table_seed);
  fs::remove(key());
  EXPECT_NE(secrets().secret, first.secret);
}

TEST_F(StateFolderTest, WhoOnlyLooksChangesNothing) {
  EXPECT_FALSE(StateFolder::peek(folder().string()));
  EXPECT_FALSE(fs::exists(folder()));
  const sbc::Secrets made = secrets();
  const auto seen = StateFolder::peek(folder().string());
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->secret, made.secret);
  write_key("half", 0600);
  EXPECT_FALSE(StateFolder::peek(folder().string()));
}

TEST_F(StateFolderTest, AnInterruptedFirstStartIsNoObstacle) {
  fs::create_directory(folder());
  fs::permissions(folder(), fs::perms::owner_all);
  std::ofstream(folder() / "key.new") << "half";
  EXPECT_EQ(refusal(), "");
  EXPECT_EQ(fs::file_size(key()), key_size);
}

TEST_F(StateFolderTest, RefusesAFolderThatOthersMayWriteTo) {
  fs::create_directory(folder());
  for (const mode_t mode : {0770U, 0707U, 0777U, 01777U}) {
    ::chmod(folder().c_str(), mode);
    EXPECT_THAT(refusal(), HasSubstr("run `chmod 0700 " + folder().string() + "`")) << mode;
  }
  ::chmod(folder().c_str(), 0750);
  EXPECT_EQ(refusal(), "");
}

TEST_F(StateFolderTest, RefusesAFolderOfSomebodyElse) {
  fs::create_directory(folder());
  if (::chown(folder().c_str(), 12345, static_cast<gid_t>(-1)) != 0) GTEST_SKIP() << "only root can give a folder away";
  EXPECT_THAT(refusal(), HasSubstr("belongs to uid 12345"));
}

TEST_F(StateFolderTest, SaysWhatToDoWhereThereIsNoFolder) {
  fs::create_directory(folder());
  std::ofstream(folder() / "file") << "x";
  for (const char* path : {"file", "missing/state"}) {
    try {
      const StateFolder unusable((folder() / path).string());
      ADD_FAILURE() << path;
    } catch (const StartError& error) {
      EXPECT_THAT(error.what(), HasSubstr("the key `state`"));
      EXPECT_THAT(error.what(), HasSubstr("uid " + std::to_string(::geteuid())));
    }
  }
}

TEST_F(StateFolderTest, RefusesAKeyOfTheWrongSize) {
  secrets();
  write_key(std::string(63, 'k'), 0600);
  EXPECT_THAT(refusal(), HasSubstr("remove it"));
  write_key(std::string(65, 'k'), 0600);
  EXPECT_THAT(refusal(), HasSubstr("remove it"));
}

TEST_F(StateFolderTest, RefusesAKeyThatOthersMayRead) {
  secrets();
  write_key(std::string(64, 'k'), 0640);
  EXPECT_THAT(refusal(), HasSubstr("chmod 0600"));
  write_key(std::string(64, 'k'), 0600);
  EXPECT_EQ(secrets().secret[0], 'k');
}

TEST_F(StateFolderTest, AKeyOfTheFirstVersionsIsKeptAndAges) {
  secrets();
  write_key(std::string(64, 'k'), 0600);
  EXPECT_EQ(secrets().secret[63], 'k');
  EXPECT_EQ(fs::file_size(key()), key_size) << "since when it seals is written down";
}

TEST_F(StateFolderTest, TurnsTheKeyOfTokensWhenItsTimeHasCome) {
  StateFolder folder(this->folder().string());
  const sbc::Secrets before = folder.secrets();
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_EQ(folder.turn_keys(now + 1000), std::nullopt);
  const auto turned = folder.turn_keys(now + KeyRing::seals_for + 1);
  ASSERT_TRUE(turned);
  EXPECT_NE(turned->secret, before.secret);
  ASSERT_EQ(turned->old_token_keys.size(), 1U);
  EXPECT_TRUE(std::equal(before.secret.begin(), before.secret.begin() + 32, turned->secret.begin()));
  EXPECT_TRUE(std::equal(before.secret.begin() + 32, before.secret.end(), turned->old_token_keys.front().begin()));
  // What seals is on the disk, and so is what opens.
  const sbc::Secrets again = secrets();
  EXPECT_EQ(again.secret, turned->secret);
  EXPECT_EQ(again.old_token_keys, turned->old_token_keys);
}

TEST_F(StateFolderTest, AKeyThatCannotBeWrittenIsNotUsed) {
  StateFolder folder(this->folder().string());
  const sbc::Secrets before = folder.secrets();
  fs::create_directory(this->folder() / "key.new");  // in the way
  EXPECT_THROW(folder.turn_keys(INT64_MAX / 2), std::system_error);
  fs::remove(this->folder() / "key.new");
  EXPECT_EQ(secrets().secret, before.secret);
}

TEST_F(StateFolderTest, WritesAFileWholeForItsOwnerAlone) {
  secrets();
  const fs::path file = folder() / "names";
  std::ofstream(folder() / "elsewhere") << "untouched";
  fs::create_symlink("elsewhere", folder() / "names.new");
  const mode_t before = ::umask(0);
  EXPECT_TRUE(StateFolder::write_whole(folder().string(), "names", "first and long\n"));
  ::umask(before);
  EXPECT_EQ(mode_of(file), 0600U);
  EXPECT_EQ(content(folder() / "elsewhere"), "untouched");
  ::chmod(file.c_str(), 0644);  // as the first versions wrote it
  const std::string much(3'000'000, 'x');
  EXPECT_TRUE(StateFolder::write_whole(folder().string(), "names", much));
  EXPECT_EQ(mode_of(file), 0600U);
  EXPECT_EQ(content(file), much);
  EXPECT_FALSE(fs::exists(folder() / "names.new"));
}

TEST_F(StateFolderTest, AFileThatCannotBeWrittenIsAsItWas) {
  secrets();
  const fs::path file = folder() / "names";
  EXPECT_TRUE(StateFolder::write_whole(folder().string(), "names", "before"));
  fs::create_directory(folder() / "names.new");  // in the way
  EXPECT_FALSE(StateFolder::write_whole(folder().string(), "names", "after"));
  EXPECT_EQ(errno, EEXIST);
  EXPECT_EQ(content(file), "before");
  EXPECT_FALSE(StateFolder::write_whole((folder() / "missing").string(), "names", "after"));
  EXPECT_EQ(errno, ENOENT);
}

TEST_F(StateFolderTest, RefusesAKeyThatIsALinkOrNoFile) {
  secrets();
  fs::rename(key(), folder() / "elsewhere");
  fs::create_symlink("elsewhere", key());
  EXPECT_THAT(refusal(), HasSubstr("cannot read"));
  fs::remove(key());
  ASSERT_EQ(::mkfifo(key().c_str(), 0600), 0);
  EXPECT_THAT(refusal(), HasSubstr("is not a file"));
}

}  // namespace
}  // namespace postern::net
