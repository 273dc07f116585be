// Which binding of an AOR a REGISTER from another place takes the place of.
#pragma once

#include "acl/rate.hpp"

namespace postern::sbc {

/// The live one with its Call-ID; else the one of the same instance whose flow was silent for `silent_for`, which is a device that has
/// started again. Of several the newest. The same wherever bindings stand: at this worker by their texts, or at another by their hashes
/// (`Key`, of which an empty one is of none).
template <class Binding, class Key>
class ReplacedBinding {
 public:
  ReplacedBinding(Key call_id, Key instance, acl::TimePoint now, acl::Duration silent_for)
      : call_id_(call_id), instance_(instance), now_(now), silent_for_(silent_for) {}

  /// Each that may be it, the newest last.
  void look_at(const Binding& binding, acl::TimePoint last_heard) {
    if (binding.expires <= now_) return;
    if (call_id_ != Key{} && binding.call_id == call_id_) by_call_id_ = &binding;
    if (instance_ != Key{} && binding.instance == instance_ && now_ - last_heard >= silent_for_) by_instance_ = &binding;
  }
  /// nullptr: none.
  [[nodiscard]] const Binding* found() const { return by_call_id_ != nullptr ? by_call_id_ : by_instance_; }

 private:
  Key call_id_, instance_;
  acl::TimePoint now_;
  acl::Duration silent_for_;
  const Binding* by_call_id_ = nullptr;
  const Binding* by_instance_ = nullptr;
};

}  // namespace postern::sbc
