#include "tests/support/engine_folder.h"

#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/base/check.h"
#include "server/base/file.h"
#include "server/engine/data_dir.h"

namespace twin::engine {

EngineFolder::EngineFolder() : root_(absl::StrCat(::testing::TempDir(), "/engine-XXXXXX")) {
  TWIN_CHECK(mkdtemp(root_.data()) != nullptr) << root_;
}

EngineFolder::~EngineFolder() { (void)RemoveTree(PosixFileSystem(), root_); }

std::string EngineFolder::Path(absl::string_view name) const {
  return absl::StrCat(root_, "/", name);
}

EngineOptions EngineFolder::options() const {
  EngineOptions options;
  options.data_dir = Path("data");
  options.segment_bytes = 1 << 20;
  options.limits.batch_bytes_max = 512 << 10;
  options.reserve_bytes = 1 << 16;
  return options;
}

std::unique_ptr<Engine> OpenEngine(const EngineOptions& options) {
  auto engine = Engine::Open(options);
  TWIN_CHECK(engine.ok()) << engine.status();
  return *std::move(engine);
}

}  // namespace twin::engine
