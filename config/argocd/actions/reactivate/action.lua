-- Asks the operator to turn the webhook on again after it was turned off on the platform.
local os = require("os")

if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["itwin.webhook-operator.io/reactivate-requested-at"] = os.date("!%Y-%m-%dT%H:%M:%SZ")
return obj
