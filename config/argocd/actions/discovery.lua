-- The actions that a Webhook offers in Argo CD now. A suspended Webhook handles no requests.
local suspended = obj.spec.suspend == true
local off = false
if obj.status ~= nil then
  for _, condition in ipairs(obj.status.conditions or {}) do
    if condition.type == "Active" then
      off = condition.status == "False" and condition.reason == "Deactivated"
    end
  end
end

local actions = {}
actions["reactivate"] = {
  displayName = "Reactivate",
  iconClass = "fa fa-fw fa-play",
  disabled = suspended or not off,
}
actions["reconcile"] = {
  displayName = "Reconcile",
  iconClass = "fa fa-fw fa-sync",
  disabled = suspended,
}
-- A Secret that the user manages is changed by its owner.
actions["rotate"] = {
  displayName = "Rotate signing secret",
  iconClass = "fa fa-fw fa-key",
  disabled = suspended or obj.spec.secretRef ~= nil,
}
return actions
