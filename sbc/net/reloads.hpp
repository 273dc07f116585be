// Reads and compiles configurations on a thread of its own, so that no packet waits for it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sbc/net/configuration.hpp"
#include "sbc/setup.hpp"

namespace postern::net {

class Reloads {
 public:
  struct Result {
    Configuration configuration;
    std::vector<sbc::Setup>
        setups;            ///< of a configuration without errors, compiled: one for each worker; what held before, once taken over
    std::string changes;   ///< against what current() was
    bool back = false;     ///< of go_back()
    bool of_file = false;  ///< the file was read again, not only what names stand for
  };
  using Current = std::function<std::shared_ptr<const Configuration>()>;
  using Done = std::function<void(Result)>;

  /// `current` and `done` are called on the thread of `io`, which must outlive this, as must `names`.
  Reloads(boost::asio::io_context& io, Loader load, const DynamicNames& names, Current current, Done done);
  /// Waits for what is being read.
  ~Reloads() = default;
  Reloads(const Reloads&) = delete;
  Reloads& operator=(const Reloads&) = delete;

  /// What is read again: the file, or only what names stand for while the file may be in the operator's hands.
  enum class What : std::uint8_t { nothing, names, file };
  /// From the thread of `io`. While one is under way any number of further requests makes one more.
  void request(What what);
  /// Makes a configuration that held before ready to be taken over again, and drops what is being read or is still to be: it would bring
  /// back what is being left.
  void go_back(std::shared_ptr<const Configuration> before);

  /// Calls `work` on the thread that reads, and frees there what it holds.
  template <class F>
  void aside(F&& work) {
    boost::asio::post(thread_, std::forward<F>(work));
  }

 private:
  void begin(What what);
  void on_read(Result result);

  boost::asio::io_context& io_;
  Loader load_;
  const DynamicNames& names_;
  Current current_;
  Done done_;
  bool under_way_ = false;
  What again_ = What::nothing;
  std::shared_ptr<const Configuration> before_;  ///< that is next; nullptr: none is
  boost::asio::thread_pool thread_{1};
};

}  // namespace postern::net
