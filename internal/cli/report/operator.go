package report

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"webhook-operator.io/itwin/internal/cli/kinds"
	"webhook-operator.io/itwin/internal/cli/operator"
)

const (
	// metricsTimeout is how long a Pod may take to answer.
	metricsTimeout = 10 * time.Second
	// defaultMetricsPort is that of config/manager.
	defaultMetricsPort = 8443
)

// versions are those of all parts.
type versions struct {
	Written    time.Time    `json:"written"`
	Plugin     string       `json:"plugin"`
	Kubernetes string       `json:"kubernetes"`
	Kinds      []kinds.Kind `json:"kinds"`
	// Operator has the image of each Deployment.
	Operator map[string]string `json:"operator"`
}

func (c *collector) versions(ctx context.Context) error {
	v := versions{
		Written: c.now.UTC(), Plugin: c.env.Build.Line("kubectl-itwin"), Kubernetes: c.kubernetes,
		Operator: map[string]string{},
	}
	var err error
	if v.Kinds, err = kinds.Read(ctx, c.clientset); err != nil {
		c.leave("kinds", err)
	}
	for i := range c.installed.Deployments {
		d := &c.installed.Deployments[i]
		v.Operator[d.Namespace+"/"+d.Name] = operator.Container(d).Image
	}
	return c.addValue("versions.yaml", v)
}

// operator writes its Deployments, leases and Pods.
func (c *collector) operator(ctx context.Context) error {
	objects := make([]map[string]any, 0, len(c.installed.Deployments)+len(c.installed.Leases))
	for i := range c.installed.Deployments {
		objects = append(objects, plain(&c.installed.Deployments[i], "apps/v1", "Deployment"))
	}
	for i := range c.installed.Leases {
		objects = append(objects, plain(&c.installed.Leases[i], "coordination.k8s.io/v1", "Lease"))
	}
	if len(objects) > 0 {
		if err := c.addObjects("operator.yaml", objects); err != nil {
			return err
		}
	}
	gvk := schema.GroupVersionKind{Version: "v1", Kind: "Pod"}
	for _, namespace := range c.homes() {
		options := []client.ListOption{client.InNamespace(namespace), operator.Labels}
		if err := c.writeKind(ctx, "pods-"+namespace, gvk, options, nil); err != nil {
			return err
		}
	}
	return nil
}

// plain is an object as JSON has it.
func plain(o client.Object, version, kind string) map[string]any {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return map[string]any{"error": err.Error()}
	}
	content["apiVersion"], content["kind"] = version, kind
	return content
}

// metrics asks each Pod of the operator, through the API server.
func (c *collector) metrics(ctx context.Context) error {
	for i := range c.installed.Deployments {
		d := &c.installed.Deployments[i]
		var pods corev1.PodList
		err := c.client.List(ctx, &pods, client.InNamespace(d.Namespace), client.MatchingLabels(d.Spec.Selector.MatchLabels))
		if err != nil {
			c.leave("metrics of "+d.Name, err)
			continue
		}
		if len(pods.Items) == 0 {
			c.leave("metrics of "+d.Name, fmt.Errorf("the Deployment has no Pod"))
		}
		for j := range pods.Items {
			if err := c.metricsOf(ctx, d, &pods.Items[j]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *collector) metricsOf(ctx context.Context, d *appsv1.Deployment, pod *corev1.Pod) error {
	ctx, cancel := context.WithTimeout(ctx, metricsTimeout)
	defer cancel()
	scheme := "https:"
	if !operator.Enabled(d, "metrics-secure", true) {
		scheme = "http:"
	}
	target := fmt.Sprintf("%s%s:%d", scheme, pod.Name, metricsPort(pod))
	text, err := c.clientset.CoreV1().RESTClient().Get().Namespace(pod.Namespace).Resource("pods").Name(target).
		SubResource("proxy").Suffix("metrics").DoRaw(ctx)
	if err != nil {
		c.leave("metrics of Pod "+pod.Name, fmt.Errorf("%s: %w", whyNoMetrics(err), err))
		return nil
	}
	return c.add("metrics-"+pod.Name+".txt", []byte(c.redact.text(string(text))))
}

// whyNoMetrics says in words why a Pod's metrics cannot be read.
func whyNoMetrics(err error) string {
	if apierrors.IsForbidden(err) {
		return "you may not get pods/proxy"
	}
	if apierrors.IsUnauthorized(err) {
		return "the operator serves them to callers with a token alone, and the API server's proxy to Pods forwards none; " +
			"read them as docs/deployment.md#metrics shows, and attach them if they matter"
	}
	return "the API server does not reach them"
}

func metricsPort(pod *corev1.Pod) int32 {
	for _, container := range pod.Spec.Containers {
		for _, port := range container.Ports {
			if port.Name == "metrics" {
				return port.ContainerPort
			}
		}
	}
	return defaultMetricsPort
}
