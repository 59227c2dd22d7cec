// The battery ontology, parsed once for all tests of a program.
#ifndef TWIN_TESTS_SUPPORT_BATTERY_MODELS_H_
#define TWIN_TESTS_SUPPORT_BATTERY_MODELS_H_

#include <memory>

#include "models/dtdl/model.h"

namespace twin::testing {

// models/battery, relative to the repository's top, where tests run.
std::shared_ptr<const dtdl::ModelSet> BatteryModels();

}  // namespace twin::testing

#endif  // TWIN_TESTS_SUPPORT_BATTERY_MODELS_H_
