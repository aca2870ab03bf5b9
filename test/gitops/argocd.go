// Package gitops runs what Argo CD and kstatus make of the operator's objects.
package gitops

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	lua "github.com/yuin/gopher-lua"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
	"webhook-operator.io/itwin/internal/harness"
)

// scriptTimeout is how long Argo CD lets a script run.
const scriptTimeout = time.Second

// ArgoCD runs the scripts of config/argocd as Argo CD does: with no libraries but base, table, package and, of os, date and
// time through require. util/lua of Argo CD has that list.
type ArgoCD struct {
	health    map[string]string
	discovery string
	actions   map[string]string
}

// Health is what Argo CD shows of an object.
type Health struct {
	Status  string `json:"status"`
	Message string `json:"message,omitempty"`
}

// resourceActions is the format of the key resource.customizations.actions of argocd-cm.
type resourceActions struct {
	Discovery   string `json:"discovery.lua"`
	Definitions []struct {
		Name   string `json:"name"`
		Action string `json:"action.lua"`
	} `json:"definitions"`
}

// LoadArgoCD reads the settings as they are shipped for argocd-cm.
func LoadArgoCD() (*ArgoCD, error) {
	root, err := harness.Root()
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(filepath.Join(root, "config", "argocd", "argocd-cm.yaml"))
	if err != nil {
		return nil, err
	}
	var settings corev1.ConfigMap
	if err := yaml.UnmarshalStrict(data, &settings); err != nil {
		return nil, err
	}
	a := &ArgoCD{health: map[string]string{}, actions: map[string]string{}}
	for _, kind := range []string{"Webhook", "Connection", "ClusterConnection"} {
		a.health[kind] = settings.Data["resource.customizations.health."+itwinv1alpha1.GroupVersion.Group+"_"+kind]
	}
	var actions resourceActions
	err = yaml.UnmarshalStrict(
		[]byte(settings.Data["resource.customizations.actions."+itwinv1alpha1.GroupVersion.Group+"_Webhook"]), &actions)
	a.discovery = actions.Discovery
	for _, definition := range actions.Definitions {
		a.actions[definition.Name] = definition.Action
	}
	return a, err
}

// Health returns what Argo CD shows of an object. One that is being deleted it shows as Progressing without a script.
func (a *ArgoCD) Health(o *unstructured.Unstructured) (Health, error) {
	if o.GetDeletionTimestamp() != nil {
		return Health{Status: "Progressing", Message: "Pending deletion"}, nil
	}
	result, err := run(a.health[o.GetKind()], o)
	if err != nil {
		return Health{}, err
	}
	health := Health{}
	health.Status, _ = result["status"].(string)
	health.Message, _ = result["message"].(string)
	return health, nil
}

// Actions returns the actions that Argo CD offers for a Webhook, and for each whether it can be chosen now.
func (a *ArgoCD) Actions(o *unstructured.Unstructured) (map[string]bool, error) {
	result, err := run(a.discovery, o)
	if err != nil {
		return nil, err
	}
	offered := map[string]bool{}
	for name, settings := range result {
		disabled, isBool := settings.(map[string]any)["disabled"].(bool)
		if !isBool {
			return nil, fmt.Errorf("action %s does not say whether it is disabled", name)
		}
		offered[name] = !disabled
	}
	return offered, nil
}

// Run returns what an action makes of a Webhook.
func (a *ArgoCD) Run(action string, o *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	script, exists := a.actions[action]
	if !exists {
		return nil, fmt.Errorf("there is no action %q", action)
	}
	result, err := run(script, o)
	return &unstructured.Unstructured{Object: result}, err
}

// run runs a script about an object and returns the table that it returns.
func run(script string, o *unstructured.Unstructured) (map[string]any, error) {
	l := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer l.Close()
	ctx, cancel := context.WithTimeout(context.Background(), scriptTimeout)
	defer cancel()
	l.SetContext(ctx)
	openLibraries(l)
	l.SetGlobal("obj", toLua(l, o.Object))
	if err := l.DoString(script); err != nil {
		return nil, err
	}
	result, isMap := fromLua(l.Get(-1), o.Object).(map[string]any)
	if !isMap {
		return nil, fmt.Errorf("the script returned a %s", l.Get(-1).Type())
	}
	return result, nil
}

// openLibraries opens what Argo CD opens.
func openLibraries(l *lua.LState) {
	for _, library := range []struct {
		name string
		open lua.LGFunction
	}{
		{lua.LoadLibName, lua.OpenPackage}, {lua.BaseLibName, lua.OpenBase}, {lua.TabLibName, lua.OpenTable},
		{lua.OsLibName, lua.OpenOs},
	} {
		l.Push(l.NewFunction(library.open))
		l.Push(lua.LString(library.name))
		l.Call(1, 0)
	}
	all, safe := l.GetGlobal(lua.OsLibName).(*lua.LTable), l.NewTable()
	for _, name := range []string{"date", "time"} {
		safe.RawSetString(name, all.RawGetString(name))
	}
	l.SetGlobal(lua.OsLibName, lua.LNil)
	l.GetField(l.GetGlobal(lua.LoadLibName), "loaded").(*lua.LTable).RawSetString(lua.OsLibName, safe)
}
