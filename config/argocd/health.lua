-- Health of a Webhook, Connection or ClusterConnection for Argo CD: what kstatus says of it, and Suspended while
-- spec.suspend is true. Argo CD itself reports an object that is being deleted as Progressing.
local health = { status = "Progressing", message = "Waiting for the operator to read the spec" }

if obj.spec ~= nil and obj.spec.suspend == true then
  health.status = "Suspended"
  health.message = "spec.suspend is true: nothing is changed on the platform"
  return health
end

if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return health
end

local conditions = {}
for _, condition in ipairs(obj.status.conditions or {}) do
  conditions[condition.type] = condition
end

local function isTrue(condition)
  return condition ~= nil and condition.status == "True"
end

if isTrue(conditions.Stalled) then
  health.status = "Degraded"
  health.message = conditions.Stalled.message
elseif isTrue(conditions.Reconciling) then
  health.message = conditions.Reconciling.message
elseif isTrue(conditions.Ready) then
  health.status = "Healthy"
  health.message = conditions.Ready.message
elseif conditions.Ready ~= nil then
  health.message = conditions.Ready.message
end
return health
