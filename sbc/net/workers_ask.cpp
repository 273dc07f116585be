// What the main thread asks of workers that have packets of their own to handle, and how long it waits for it.
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <semaphore>
#include <utility>
#include <vector>

#include "sbc/net/workers_impl.hpp"

namespace postern::net {

namespace asio = boost::asio;

/// One question to all. What `look` and `done` hold is the main thread's: finish() frees it there, and until then no other thread has come
/// to its end with it.
struct Workers::Asking {
  struct Part {
    std::atomic<bool> settled{false};  ///< that it is looked at, or that nobody waits any longer: whoever says so first
    bool answered = false;
  };
  Asking(asio::io_context& io, std::size_t workers, Look asked, Asked then)
      : look(std::move(asked)), done(std::move(then)), parts(workers), left(workers), timer(io) {}

  void finish() {
    timer.cancel();
    look = nullptr;
    std::exchange(done, nullptr)(missing);
  }
  void miss(std::size_t index) {
    missing.push_back(index);
    --left;
  }

  Look look;
  Asked done;
  std::vector<Part> parts;
  std::size_t left;  ///< not answered and not missing
  std::vector<std::size_t> missing;
  asio::steady_timer timer;
};

void Workers::ask(Look look, Asked done) {
  asio::io_context& main = *members_.front()->io;
  const auto asking = std::make_shared<Asking>(main, members_.size(), std::move(look), std::move(done));
  for (std::size_t i = 0; i < members_.size(); ++i) {
    Member& member = *members_[i];
    if (member.stuck) {
      asking->miss(i);
      continue;
    }
    // captured as it is, `asking` would be const there, and its last owner the worker
    asio::post(*member.io, [asking = std::shared_ptr(asking), i, &member, &main]() mutable {
      member.worker->catch_up();
      const bool awaited = !asking->parts[i].settled.exchange(true);
      if (awaited) asking->look(*member.worker);
      asio::post(main, [asking = std::move(asking), i, awaited, &member] {
        member.stuck = false;
        asking->parts[i].answered = true;
        if (awaited && --asking->left == 0) asking->finish();
      });
    });
  }
  asking->timer.expires_after(stuck_.patience);
  asking->timer.async_wait([this, asking](boost::system::error_code error) {
    if (!error) end_patience(asking);
  });
}

void Workers::end_patience(const std::shared_ptr<Asking>& asking) {
  if (asking->done == nullptr) return;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    Asking::Part& part = asking->parts[i];
    // One that has begun to look is about it, which does not take long.
    if (members_[i]->stuck || part.answered || part.settled.exchange(true)) continue;
    members_[i]->stuck = true;
    asking->miss(i);
    stuck_.tell(i);
  }
  if (asking->left == 0) asking->finish();
}

bool Workers::look_at(std::size_t index, const std::function<void(Worker&)>& look) {
  if (index >= members_.size()) return false;
  Member& member = *members_[index];
  if (index == 0 || !running_) {
    look(*member.worker);
    return true;
  }
  struct Waited {
    std::atomic<bool> settled{false};  ///< that it is looked at, or that nobody waits any longer: whoever says so first
    std::binary_semaphore seen{0};
  };
  const auto asked = std::make_shared<Waited>();
  asio::post(*member.io, [&look, &worker = *member.worker, asked] {
    if (asked->settled.exchange(true)) return;
    try {
      look(worker);
    } catch (...) {  // run() tells of it
      asked->seen.release();
      throw;
    }
    asked->seen.release();
  });
  if (asked->seen.try_acquire_for(stuck_.patience)) return true;
  if (asked->settled.exchange(true)) {
    asked->seen.acquire();  // it is about it, which does not take long
    return true;
  }
  stuck_.tell(index);
  return false;
}

}  // namespace postern::net
