#include "clients/twinsim/car.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "clients/twinsim/fleet.h"
#include "clients/twinsim/models_folder.h"
#include "clients/twinsim/random.h"

namespace twin::twinsim {
namespace {

namespace v1 = ::twingraph::v1;

constexpr char kVehicleModel[] = "dtmi:twingraph:battery:Vehicle;1";

absl::StatusOr<std::vector<std::string>> TargetsOf(client::Client* client,
                                                   const std::string& source,
                                                   const std::string& name) {
  std::vector<std::string> targets;
  v1::ListRelationshipsRequest request;
  request.set_id(source);
  request.set_name(name);
  request.set_format(v1::NONE);
  do {
    const absl::StatusOr<v1::ListRelationshipsResponse> page = client->ListRelationships(request);
    if (!page.ok()) return page.status();
    for (const v1::Relationship& relationship : page->relationships()) {
      targets.push_back(relationship.target_id());
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  return targets;
}

int ModulesOf(const CarDesign& design) {
  const int parts = design.cells > 0 ? design.cells : design.probes;
  return parts == 0 ? 0 : std::clamp(design.modules, 1, parts);
}

// A member of JSON, of a number that is known.
std::string Known(absl::string_view name, int number) {
  return number > 0 ? absl::StrFormat(R"("%s":%d)", name, number) : "";
}
std::string ObjectOf(const std::vector<std::string>& members) {
  std::vector<std::string> known;
  for (const std::string& member : members) {
    if (!member.empty()) known.push_back(member);
  }
  return absl::StrCat("{", absl::StrJoin(known, ","), "}");
}

// The operations that make one car.
class Maker {
 public:
  explicit Maker(const CarDesign& design)
      : design_(design),
        modules_(ModulesOf(design)),
        pack_(absl::StrCat(design.vehicle, "-pack")) {}

  v1::BatchWriteRequest Make() {
    const std::string bms = absl::StrCat(design_.vehicle, "-bms");
    Twin(design_.vehicle, "Vehicle", "{}");
    Twin(pack_, "BatteryPack",
         ObjectOf({Known("seriesCount", design_.cells), Known("moduleCount", modules_)}));
    Twin(bms, "Bms",
         ObjectOf({Known("cellChannels", design_.cells), Known("probeChannels", design_.probes)}));
    Mount("pack", design_.vehicle, "hasPack", pack_, 1);
    Relationship("bms", pack_, "hasBms", bms, "{}");
    for (int module = 0; module < modules_; ++module) MakeModule(module);
    request_.set_request_id(client::RandomRequestId());
    return std::move(request_);
  }

 private:
  // The first of `count` parts that stands in a module.
  int FirstOf(int module, int count) const {
    return module * (count / modules_) + std::min(module, count % modules_);
  }

  void MakeModule(int module) {
    const std::string id = absl::StrFormat("%s-m%02d", design_.vehicle, module + 1);
    const int cell_first = FirstOf(module, design_.cells);
    const int cell_end = FirstOf(module + 1, design_.cells);
    const int probe_first = FirstOf(module, design_.probes);
    const int probe_end = FirstOf(module + 1, design_.probes);
    Twin(id, "BatteryModule", ObjectOf({Known("seriesCount", cell_end - cell_first)}));
    Mount(absl::StrCat("m", module + 1), pack_, "hasModule", id, module + 1);
    for (int probe = probe_first; probe < probe_end; ++probe) {
      const std::string probe_id = absl::StrCat(id, "-p", probe - probe_first + 1);
      probe_ids_.push_back(probe_id);
      Twin(probe_id, "TemperatureProbe", absl::StrFormat(R"({"probeIndex":%d})", probe + 1));
      Mount(absl::StrCat("p", probe - probe_first + 1), id, "hasProbe", probe_id,
            probe - probe_first + 1);
    }
    for (int cell = cell_first; cell < cell_end; ++cell) {
      const int number = cell - cell_first + 1;
      const std::string cell_id = absl::StrFormat("%s-c%02d", id, number);
      Twin(cell_id, "BatteryCell",
           absl::StrFormat(R"({"seriesIndex":%d,"temperatureSource":"nearestProbe"})", cell + 1));
      Mount(absl::StrCat("c", number), id, "hasCell", cell_id, number);
      if (probe_ids_.empty()) continue;
      // Of the module's probes, which share its cells evenly; else the last one before.
      const int own = probe_end - probe_first;
      const size_t probe = own > 0 ? static_cast<size_t>(probe_first + (cell - cell_first) * own /
                                                                           (cell_end - cell_first))
                                   : probe_ids_.size() - 1;
      Relationship("probe", cell_id, "sensedBy", probe_ids_[probe], "{}");
    }
  }

  void Twin(const std::string& id, absl::string_view model, const std::string& contents) {
    v1::CreateTwinRequest& create = *request_.add_operations()->mutable_create_twin();
    create.set_create_only(true);
    if (design_.begin_nanos.has_value()) create.set_source_time_unix_nano(*design_.begin_nanos);
    create.mutable_twin()->set_id(id);
    create.mutable_twin()->set_model_id(absl::StrCat("dtmi:twingraph:battery:", model, ";1"));
    create.mutable_twin()->set_contents_json(contents);
  }
  void Mount(const std::string& id, const std::string& source, const std::string& name,
             const std::string& target, int position) {
    Relationship(id, source, name, target, absl::StrCat("{\"position\":", position, "}"));
  }
  void Relationship(const std::string& id, const std::string& source, const std::string& name,
                    const std::string& target, const std::string& contents) {
    v1::CreateRelationshipRequest& create =
        *request_.add_operations()->mutable_create_relationship();
    create.set_create_only(true);
    if (design_.begin_nanos.has_value()) create.set_source_time_unix_nano(*design_.begin_nanos);
    v1::Relationship& relationship = *create.mutable_relationship();
    relationship.set_id(id);
    relationship.set_source_id(source);
    relationship.set_name(name);
    relationship.set_target_id(target);
    relationship.set_contents_json(contents);
  }

  const CarDesign& design_;
  const int modules_;
  const std::string pack_;
  std::vector<std::string> probe_ids_;  // so far
  v1::BatchWriteRequest request_;
};

}  // namespace

absl::StatusOr<Car> FindCar(client::Client* client, const std::string& vehicle) {
  v1::GetTwinRequest request;
  request.set_id(vehicle);
  request.set_format(v1::NONE);
  if (const auto found = client->GetTwin(request); !found.ok()) return found.status();
  Car car;
  car.vehicle = vehicle;
  const auto packs = TargetsOf(client, vehicle, "hasPack");
  if (!packs.ok()) return packs.status();
  if (packs->empty()) {
    return absl::FailedPreconditionError(absl::StrCat("'", vehicle, "' has no pack (hasPack)"));
  }
  car.pack = packs->front();
  const auto bms = TargetsOf(client, car.pack, "hasBms");
  if (!bms.ok()) return bms.status();
  if (!bms->empty()) car.bms = bms->front();
  const auto modules = TargetsOf(client, car.pack, "hasModule");
  if (!modules.ok()) return modules.status();
  car.modules = !modules->empty();
  car.module_count = static_cast<int>(modules->size());
  const std::vector<std::string> groups = car.modules ? *modules : std::vector{car.pack};
  for (const std::string& group : groups) {
    const auto cells = TargetsOf(client, group, "hasCell");
    if (!cells.ok()) return cells.status();
    car.cells += static_cast<int>(cells->size());
    const auto probes = TargetsOf(client, group, "hasProbe");
    if (!probes.ok()) return probes.status();
    car.probes += static_cast<int>(probes->size());
  }
  return car;
}

absl::StatusOr<Car> MakeCar(client::Client* client, const CarDesign& design) {
  const v1::BatchWriteRequest request = Maker(design).Make();
  if (const auto made = client->BatchWrite(request); !made.ok()) return made.status();
  return Car{.vehicle = design.vehicle,
             .pack = absl::StrCat(design.vehicle, "-pack"),
             .bms = absl::StrCat(design.vehicle, "-bms"),
             .modules = ModulesOf(design) > 0,
             .module_count = ModulesOf(design),
             .cells = design.cells,
             .probes = design.probes};
}

absl::Status EnsureModels(client::Client* client, const std::string& models,
                          const std::string& program_folder) {
  v1::GetModelRequest request;
  request.set_id(kVehicleModel);
  const absl::StatusOr<v1::Model> model = client->GetModel(request);
  if (!absl::IsNotFound(model.status())) return model.status();
  std::string folder = models;
  if (folder.empty()) {
    absl::StatusOr<std::string> found = FindModelsFolder(ModelsFolders(program_folder));
    if (!found.ok()) return found.status();
    folder = *std::move(found);
  }
  const absl::StatusOr<std::vector<std::string>> texts = ReadModels(folder, FleetModels());
  if (!texts.ok()) return texts.status();
  v1::CreateModelsRequest create;
  for (const std::string& text : *texts) create.add_texts(text);
  create.set_request_id(client::RandomRequestId());
  return client->CreateModels(create).status();
}

v1::LayoutColumn ColumnOf(const Car& car, TargetTwin twin, const std::string& path, int count) {
  v1::LayoutColumn column;
  if (twin == TargetTwin::kCell || twin == TargetTwin::kProbe) {
    v1::ArrayRule& rule = *column.mutable_rule();
    rule.set_twin_id(car.pack);
    if (car.modules) rule.add_steps("hasModule");
    rule.add_steps(twin == TargetTwin::kCell ? "hasCell" : "hasProbe");
    rule.set_path(path);
    rule.set_count(static_cast<uint32_t>(count));
    // A cell has the temperature of its nearest probe.
    if (twin == TargetTwin::kProbe) rule.set_shared_by("sensedBy");
    return column;
  }
  v1::LayoutTarget& target = *column.add_targets();
  target.set_twin_id(twin == TargetTwin::kVehicle ? car.vehicle
                     : twin == TargetTwin::kPack  ? car.pack
                                                  : car.bms);
  target.set_path(path);
  return column;
}

std::string LayoutIdOf(const std::string& prefix, const v1::Layout& layout) {
  uint64_t digest = 0;
  for (const char byte : layout.SerializeAsString()) {
    digest = Mix(digest ^ static_cast<unsigned char>(byte)) + 1;
  }
  return absl::StrCat(prefix, "-", absl::Hex(digest, absl::kZeroPad16));
}

}  // namespace twin::twinsim
