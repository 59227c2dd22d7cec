#include "server/ingest/answers.h"

#include <utility>

#include "server/base/thread_name.h"
#include "server/base/thread_priority.h"

namespace twin::ingest {
namespace {

void GoOut(std::vector<Answer>* answers) {
  for (Answer& answer : *answers) answer.done(std::move(answer.result));
  answers->clear();
}

}  // namespace

Answers::Answers() : thread_([this] { Run(); }) {}

Answers::~Answers() { Stop(); }

void Answers::Stop() {
  {
    const MutexLock lock(&mutex_);
    stopping_ = true;
    given_.Signal();
  }
  if (thread_.joinable()) thread_.join();
}

void Answers::Give(std::vector<Answer> answers, bool here) {
  {
    const MutexLock lock(&mutex_);
    if (!here || is_busy_ || !queue_.empty()) {
      for (Answer& answer : answers) queue_.push_back(std::move(answer));
      if (!is_busy_) given_.Signal();
      return;
    }
  }
  GoOut(&answers);
}

void Answers::Run() {
  NameThread("answers");
  WakeAtOnce();
  std::vector<Answer> taken;
  while (true) {
    {
      const MutexLock lock(&mutex_);
      is_busy_ = false;
      while (queue_.empty() && !stopping_) given_.Wait(&mutex_);
      if (queue_.empty()) return;
      taken.swap(queue_);
      is_busy_ = true;
    }
    GoOut(&taken);
  }
}

}  // namespace twin::ingest
