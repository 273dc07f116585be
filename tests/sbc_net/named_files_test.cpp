// Whether lists and certificates are still what was read.
#include "sbc/net/named_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "state_support.hpp"

namespace postern::net {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class NamedFilesTest : public FolderTest {
 protected:
  /// Another file under that name, as editors and `mv` do it.
  void replace(const char* name) const {
    write("new", "what is new in it");
    std::filesystem::rename(folder() / "new", folder() / name);
  }
  [[nodiscard]] std::string path(const char* name) const { return (folder() / name).string(); }
};

TEST_F(NamedFilesTest, WhatWasReplacedIsNoticed) {
  write("a", "1");
  write("b", "1");
  const NamedFiles files({path("a"), path("b"), path("none")});
  EXPECT_THAT(files.replaced_in(files.again()), IsEmpty());
  replace("b");
  EXPECT_THAT(files.replaced_in(files.again()), ElementsAre(path("b")));
  std::filesystem::remove(folder() / "a");
  EXPECT_THAT(files.replaced_in(files.again()), ElementsAre(path("a"), path("b")));
}

/// What was replaced while it was read was taken for what had been read.
TEST_F(NamedFilesTest, WhatIsReplacedWhileItIsReadIsNoticed) {
  write("a", "1");
  const NamedFiles before({path("a")});
  replace("a");
  write("c", "1");
  const NamedFiles files({path("a"), path("c")}, before);
  EXPECT_THAT(files.replaced_in(files.again()), ElementsAre(path("a")));
}

}  // namespace
}  // namespace postern::net
