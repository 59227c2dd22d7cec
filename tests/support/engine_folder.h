// For tests: a folder for an engine, and engines whose limits are soon reached.
#ifndef TWIN_TESTS_SUPPORT_ENGINE_FOLDER_H_
#define TWIN_TESTS_SUPPORT_ENGINE_FOLDER_H_

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "server/engine/engine.h"

namespace twin::engine {

// Goes with all that is in it: a member of a test before its engine.
class EngineFolder {
 public:
  EngineFolder();
  ~EngineFolder();
  EngineFolder(const EngineFolder&) = delete;
  EngineFolder& operator=(const EngineFolder&) = delete;

  std::string Path(absl::string_view name) const;  // of a file or folder there
  // Of an engine in its folder "data": journal segments of 1 MiB, batches of half of that at most.
  EngineOptions options() const;

 private:
  std::string root_;
};

// It must open.
std::unique_ptr<Engine> OpenEngine(const EngineOptions& options);

}  // namespace twin::engine

#endif  // TWIN_TESTS_SUPPORT_ENGINE_FOLDER_H_
